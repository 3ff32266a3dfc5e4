// Mutants of native/cpu/positions.cc: see cpu.js.

module.exports = {
  'cpu/positions.cc': [
    ['start forgotten', 'static_cast<int32_t>(starts[b] + t)', 'static_cast<int32_t>(t)'],
    ['the first start for all', 'static_cast<int32_t>(starts[b] + t)', 'static_cast<int32_t>(starts[0] + t)'],
  ],
}
