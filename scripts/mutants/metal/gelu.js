// Mutants of native/metal/gelu.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/gelu.metal': alike(
    { cases: /^gelu/ },
    [
      'tanh is never meant',
      '"gelu", "gelu"}, {call.outputs[0], call.inputs[0]},\n                  {call.params->as<GeluParams>().tanh}',
      '"gelu", "gelu"}, {call.outputs[0], call.inputs[0]},\n                  {0}',
    ],
    ['a coefficient', '6.217671e-2f', '6.217971e-2f'],
    ['the slope of the argument', '3 * kDouble * kCubic', '2 * kDouble * kCubic'],
    [
      'far numbers are squared',
      'z = select(below, float4(-30.0f), below < -30.0f)',
      'z = x',
      { cases: /^gelu_backward squares that overflow/ },
    ],
    ['no density', 'fma(x, normal.density, Share(x, normal.tail))', 'Share(x, normal.tail)'],
  ),
}
