// Mutants of native/cpu/gelu.cc: see cpu.js.

module.exports = {
  'cpu/gelu.cc': [
    ['a coefficient', '-2.7419792e-3f', '-2.7819792e-3f'],
    ['the last coefficient', '-4.0680985e-5f', '-5.0680985e-5f'],
    ['no density', 'MulAdd(x, normal.density, Share(x, normal.tail))', 'Share(x, normal.tail)'],
    ['the density without x', 'MulAdd(x, normal.density, Share', '(normal.density + Share'],
    ['no cube', 'x * MulAdd(Set(kDouble * kCubic), x * x, Set(kDouble))', 'x * Set(kDouble)'],
    ['the slope of the cube', 'Set(3 * kDouble * kCubic)', 'Set(kDouble * kCubic)'],
    ['x² overflows', 'Max(Set(-30.0f), Min(Set(30.0f), x))', 'x'],
    ['a slope cut early', 'Max(Set(-30.0f), Min(Set(30.0f), x))', 'Max(Set(-3.0f), Min(Set(3.0f), x))'],
    ['the slope for dx', 'return b * slope(a);', 'return slope(a);'],
    ['always tanh', 'if (call.params->as<GeluParams>().tanh) {\n    Apply(', 'if (true) {\n    Apply('],
    [
      'always tanh in the gradient',
      'if (call.params->as<GeluParams>().tanh) {\n    ApplyBackward(',
      'if (true) {\n    ApplyBackward(',
    ],
  ],
}
