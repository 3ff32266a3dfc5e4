// Mutants of native/cuda/require_finite.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/require_finite.cu': alike(
    { cases: /^require_finite / },
    ['all numbers pass', 'if (value - value == 0) {', 'if (value == value) {'],
    ['nothing passes', '*y = value;', ''],
    ['another number is named', 'NotFinite(kRequireFiniteX, value)', 'NotFinite(kRequireFiniteX, 0)'],
  ),
}
