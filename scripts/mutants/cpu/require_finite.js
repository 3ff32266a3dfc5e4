// Mutants of native/cpu/require_finite.cc: see cpu.js.

module.exports = {
  'cpu/require_finite.cc': [['an Infinity passes', 'if (x - x != 0)', 'if (x != x)']],
}
