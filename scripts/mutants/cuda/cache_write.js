// Mutants of native/cuda/cache_write.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/cache_write.cu': alike(
    { cases: /^cache_write / },
    [
      'slots are not told apart',
      'if (slot[other] == slot[b]) return SameSlot(kCacheWriteSlot, slot[b], other, b);',
      '',
    ],
    [
      'starts are not checked',
      'Complaint complaint = JudgeRange(kCacheWriteStart, Complaint::kStart, b, start[b], 0, last);',
      'Complaint complaint{};',
    ],
    ['a start too many', 'places - length, cache[0]', 'places - length + 1, cache[0]'],
    ['always from the start', 'slot[b] * places + start[b] + t', 'slot[b] * places + t'],
    ['sequences in order', 'slot[b] * places + start', 'b * places + start'],
    ['nothing is checked', 'Examine(call, message, x[0],', 'Examine(call, message, 0,'],
  ),
}
