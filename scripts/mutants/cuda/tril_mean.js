// Mutants of native/cuda/tril_mean.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/tril_mean.cu': alike(
    { cases: /^tril_mean / },
    ['without the diagonal', 'j <= t ?', 'j < t ?'],
    ['of one row less', 'static_cast<float>(t + 1)', 'static_cast<float>(t)'],
    ['a row short', 'length * length, [=]', 'length * (length - 1), [=]'],
  ),
}
