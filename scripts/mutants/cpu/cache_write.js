// Mutants of native/cpu/cache_write.cc: see cpu.js.

module.exports = {
  'cpu/cache_write.cc': [
    ['start forgotten', 'cache.dims[1] + start[b]) * channels', 'cache.dims[1]) * channels'],
    ['the stride of x', '(slot[b] * cache.dims[1] + start', '(slot[b] * x.dims[1] + start'],
    ['the slot of that number', '(slot[b] * cache.dims[1]', '(b * cache.dims[1]'],
    ['the last position is rejected', 'start[b] > last)', 'start[b] >= last)'],
    ['two in one slot', 'if (slot[other] == slot[b])', 'if (false)'],
  ],
}
