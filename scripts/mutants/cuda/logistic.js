// Mutants of native/cuda/logistic.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/logistic.cuh': alike(
    { cases: /^swiglu(_backward)? (\[.?.\]|NaN.*|up to 1|up to 110|near 0)/, sources: ['swiglu.cu'] },
    ['for negative numbers only', 'x > 0 ? 1.0f - tail : tail', 'tail'],
    ['e grows without bound', 'expf(-fabsf(x))', 'expf(-x)'],
    ['the larger is the smaller', 'return {e * larger, larger};', 'return {larger, e * larger};'],
  ),
}
