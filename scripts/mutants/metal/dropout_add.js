// Mutants of native/metal/dropout_add.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/dropout_add.metal': alike(
    { cases: /^dropout_add / },
    ['no residual', 'LoadQuad(FloatsIn(residual, 3u), i, n) + dropped', 'dropped'],
    ['the dtype of rng', 'FloatsIn(residual, 3u)', 'FloatsIn(residual, 2u)'],
    ['the tail is skipped', 'i >= n) return', 'i + kQuad > n) return'],
  ),
}
