// Mutants of native/cpu/ema.cc: see cpu.js.

module.exports = {
  'cpu/ema.cc': [
    [
      'decay for its rest',
      'static_cast<float>(1 - static_cast<double>(*call.inputs[0].f32()))',
      '*call.inputs[0].f32()',
    ],
    ['a parameter early', '&call.inputs[1 + call.outputs.size()]', '&call.inputs[call.outputs.size()]'],
    ['nothing is reported', 'return flags.Report(call.outputs);', 'return {};'],
  ],
}
