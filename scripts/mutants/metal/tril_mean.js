// Mutants of native/metal/tril_mean.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/tril_mean.metal': alike(
    { cases: /^tril_mean / },
    ['a column too few', 'j <= t ?', 'j < t ?'],
    ['a row too few in the mean', 'float(t + 1)', 'float(t)'],
    ['transposed', 't = i / length, j = i - t * length', 'j = i / length, t = i - j * length'],
  ),
}
