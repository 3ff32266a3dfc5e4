// Mutants of native/gpu/calls.cc: see cuda.js.

module.exports = {
  'gpu/calls.cc': [
    [
      'checks of outputs only in the first',
      'output < calls_[op].output_count; ++output',
      'output < 0; ++output',
      { gpu: true, healthy: true },
    ],
  ],
}
