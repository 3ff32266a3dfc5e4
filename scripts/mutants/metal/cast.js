// Mutants of native/metal/cast.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/cast.metal': alike(
    { cases: /^cast / },
    ['x has the dtype of y', 'FloatsIn(x, 1u)', 'FloatsIn(x, 0u)'],
    ['y has the dtype of x', 'FloatsOut(y, 0u)', 'FloatsOut(y, 1u)'],
    ['the tail is skipped', 'i >= n) return', 'i + kQuad > n) return'],
  ),
}
