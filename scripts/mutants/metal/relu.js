// Mutants of native/metal/relu.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/relu.metal': alike(
    { cases: /^relu/ },
    [
      'zero passes the gradient',
      'select(float4(0), gradient, value > 0)',
      'select(float4(0), gradient, value >= 0)',
    ],
    ['the sign of the mask', 'select(value, float4(0), value <= 0)', 'select(value, float4(0), value > 0)'],
    [
      'inputs change places',
      '{call.outputs[0], call.inputs[0], call.inputs[1]}',
      '{call.outputs[0], call.inputs[1], call.inputs[0]}',
    ],
  ),
}
