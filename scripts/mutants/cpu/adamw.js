// Mutants of native/cpu/adamw.cc: see cpu.js.

module.exports = {
  'cpu/adamw.cc': [
    ['v without the square', 's.beta2_rest * g * g', 's.beta2_rest * g'],
    ['no weight decay', 'LoadLanes(parameter + i, lanes) * s.decay -', 'LoadLanes(parameter + i, lanes) -'],
    ['v not corrected', 'Sqrt(new_v) / s.root_correction2', 'Sqrt(new_v)'],
    [
      'gradient not scaled',
      'LoadLanes(gradient + i, lanes) * s.gradient_scale',
      'LoadLanes(gradient + i, lanes)',
    ],
    [
      'the tail dropped',
      'i < count; i += 8) {\n    const int64_t lanes = Smaller(8, count - i);\n    const F8 g',
      'i + 8 <= count; i += 8) {\n    const int64_t lanes = Smaller(8, count - i);\n    const F8 g',
    ],
    ['gradients of the first chunk', 'gradients[i].f32() + begin,', 'gradients[i].f32(),'],
    [
      'm of the parameter before',
      'outputs[n + i].f32() + begin',
      'outputs[n + (i > 0 ? i - 1 : i)].f32() + begin',
    ],
    ['v is not checked', 'NanUnlessFinite(new_v) + ', ''],
    ['the parameter is not checked', ' + NanUnlessFinite(new_parameter)', ''],
  ],
}
