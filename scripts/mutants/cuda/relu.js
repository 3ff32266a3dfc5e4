// Mutants of native/cuda/relu.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/relu.cu': alike(
    { cases: /^relu(_backward)? (\[.?.\]|NaN.*)/ },
    ['a NaN becomes 0', 'x <= 0 ? 0.0f : x', 'x > 0 ? x : 0.0f'],
    ['0 has a gradient', 'y > 0 ? dy : 0.0f', 'y >= 0 ? dy : 0.0f'],
    ['a leak', 'x <= 0 ? 0.0f : x', 'x <= 0 ? 0.01f * x : x'],
    ['dy read as f32', 'FloatInput(call, 1)', 'Input<float>(call, 1)', { cases: /^relu_backward .* bf16/ }],
  ),
}
