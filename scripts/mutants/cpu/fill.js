// Mutants of native/cpu/fill.cc: see cpu.js.

module.exports = {
  'cpu/fill.cc': [['one short', 'i < end; ++i) y[i]', 'i < end - 1; ++i) y[i]']],
}
