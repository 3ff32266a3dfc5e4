// Mutants of native/metal/swiglu.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/swiglu.metal': alike(
    { cases: /^swiglu/ },
    [
      'gate and up change places',
      'x = LoadQuad(FloatsIn(gate, 1u), i, n), factor = LoadQuad(FloatsIn(up, 2u), i, n)',
      'factor = LoadQuad(FloatsIn(gate, 1u), i, n), x = LoadQuad(FloatsIn(up, 2u), i, n)',
    ],
    ['the sigmoid only', 'fma(x * logistic.smaller, logistic.larger, share)', 'share'],
    [
      'gradients change places',
      '{call.outputs[0], call.outputs[1], call.inputs[0]',
      '{call.outputs[1], call.outputs[0], call.inputs[0]',
    ],
    [
      'bf16 read as f32',
      'FloatsOut(dup, 1u)',
      'FloatsOut(dup, false)',
      { cases: /^swiglu_backward .* bf16/ },
    ],
  ),
}
