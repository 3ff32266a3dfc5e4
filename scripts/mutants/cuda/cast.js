// Mutants of native/cuda/cast.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/cast.cu': alike(
    { cases: /^cast / },
    ['another number', 'return x;', 'return x + x;'],
    ['f32 into f32', 'FloatOutput(call, 0)', 'Output<float>(call, 0)'],
    ['f32 out of f32', 'FloatInput(call, 0)', 'Input<float>(call, 0)'],
  ),
}
