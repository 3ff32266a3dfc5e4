// Mutants of native/cuda/gelu.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/gelu.cu': alike(
    { cases: /^gelu(_backward)? (\[.?.\]|NaN.*|up to 1|up to 110|near 0|squares.*)/ },
    ['a coefficient', '-0.17305408f', '-0.17305508f'],
    [
      'the slope without its density',
      'fmaf(x, normal.density, Share(x, normal.tail))',
      'Share(x, normal.tail)',
    ],
    [
      'the slope of the argument',
      'fmaf(3 * kDouble * kCubic, x * x, kDouble)',
      'fmaf(2 * kDouble * kCubic, x * x, kDouble)',
    ],
    [
      'a square that overflows',
      'const float z = x > 30.0f ? 30.0f : x < -30.0f ? -30.0f : x;',
      'const float z = x;',
      { cases: /^gelu_backward squares/ },
    ],
    [
      'the gradient read as f32',
      'dx = FloatOutput(call, 0)',
      'dx = Output<float>(call, 0)',
      { cases: /^gelu_backward .* bf16/ },
    ],
    [
      'never with tanh',
      'if (call.params->as<GeluParams>().tanh) {\n    return Map(\n        call, message, y,',
      'if (false) {\n    return Map(\n        call, message, y,',
    ],
  ),
}
