// Mutants of native/metal/logistic.h: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/logistic.h': alike(
    { cases: /^(swiglu|gelu)/ },
    ['for positive numbers only', 'exp(-fabs(x))', 'exp(-x)'],
    ['the larger for both', 'logistic.smaller = e * logistic.larger', 'logistic.smaller = logistic.larger'],
    ['the tail on both sides', 'select(tail, 1.0f - tail, x > 0)', 'tail'],
  ),
}
