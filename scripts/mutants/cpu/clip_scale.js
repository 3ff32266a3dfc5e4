// Mutants of native/cpu/clip_scale.cc: see cpu.js.

module.exports = {
  'cpu/clip_scale.cc': [
    [
      'not clipped',
      '= ClipScale(*call.inputs[0].f32(), call.params->as<ClipScaleParams>().max_norm);',
      '= 1.0f;',
    ],
  ],
}
