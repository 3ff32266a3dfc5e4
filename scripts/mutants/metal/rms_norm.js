// Mutants of native/metal/rms_norm.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/rms_norm.metal': alike(
    { cases: /^rms_norm(_backward)? (\[3,5\] in 1|\[5,6\] in 3|\[5,257\] in 1|\[1100,65\] in 5)/ },
    [
      'the gain twice',
      'normed * LoadQuad(gains, i, n) : normed',
      'normed * LoadQuad(gains, i, n) * LoadQuad(gains, i, n) : normed',
    ],
    ['no gain', 'kHasGain != 0 ? normed * LoadQuad(gains, i, n) : normed', 'normed'],
    [
      'the products without the gain',
      'products += has_gain ? product * LoadQuad(weights, start + at.First(k), n) : product;',
      'products += product;',
    ],
    ['z is not normed', 'z.held[k] * factor * mean', 'z.held[k] * mean'],
    [
      'no epsilon',
      '/ float(kColumns) + arguments.epsilon',
      '/ float(kColumns)',
      { cases: /^rms_norm (epsilon 1e-2|all 0)/ },
    ],
  ),
}
