// Mutants of native/cuda/relu_squared.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/relu_squared.cu': alike(
    { cases: /^relu_squared(_backward)? (\[.?.\]|NaN.*|up to 1)$/ },
    ['a NaN becomes 0', 'x <= 0 ? 0.0f : x', 'x > 0 ? x : 0.0f'],
    ['half the gradient', '(Relu(x) + Relu(x)) * dy', 'Relu(x) * dy'],
    ['not squared', 'return Relu(x) * Relu(x);', 'return Relu(x);'],
    ['dy read as f32', 'FloatInput(call, 1)', 'Input<float>(call, 1)', { cases: /^relu_squared_b.* bf16/ }],
  ),
}
