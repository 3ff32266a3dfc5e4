// Mutants of native/metal/relu_squared.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/relu_squared.metal': alike(
    { cases: /^relu_squared/ },
    ['a NaN becomes 0', 'select(x, float4(0), x <= 0)', 'select(float4(0), x, x > 0)'],
    ['half the slope', '(value + value) * gradient', 'value * gradient'],
    [
      'of the gradient only',
      'Relu(LoadQuad(FloatsIn(x, 1u), i, n)), gradient',
      'Relu(LoadQuad(FloatsIn(dy, 2u), i, n)), gradient',
    ],
  ),
}
