// Mutants of native/metal/scale.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/scale.metal': alike(
    { cases: /^scale/ },
    ['not scaled', 'n, arguments.factor * LoadQuad', 'n, LoadQuad'],
    ['added', 'arguments.factor * LoadQuad', 'arguments.factor + LoadQuad'],
  ),
}
