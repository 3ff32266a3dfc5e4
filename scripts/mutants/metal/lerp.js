// Mutants of native/metal/lerp.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/lerp.metal': alike(
    { cases: /^lerp / },
    ['without its weight', 'from + arguments.weight * (to - from)', 'to'],
    ['from the other end', 'from + arguments.weight * (to - from)', 'to + arguments.weight * (from - to)'],
    ['one past the end', 'StoreQuad(FloatsOut(y, 0u), i, n,', 'StoreQuad(FloatsOut(y, 0u), i, n + 1,'],
  ),
}
