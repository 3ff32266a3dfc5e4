// Mutants of native/metal/accumulate.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/accumulate.metal': alike(
    { cases: /^accumulate / },
    [
      'the first input, which is the total',
      '{call.outputs[0], call.inputs[1]}',
      '{call.outputs[0], call.inputs[0]}',
    ],
    ['nothing is kept', 'LoadQuad(FloatsIn(total, 0u), i, n) + LoadQuad', 'LoadQuad'],
    ['the tail is skipped', 'i >= n) return', 'i + kQuad > n) return'],
  ),
}
