// Mutants of native/gpu/staging.cc: see cuda.js.

module.exports = {
  'gpu/staging.cc': [
    [
      'one slot for all executions',
      'next_slot_ = (next_slot_ + 1) % slots_.size();',
      '',
      { gpu: true, healthy: true },
    ],
    [
      'too few slots',
      'i <= kMostUnderWay; ++i) {\n    Result<Block> memory',
      'i < 8; ++i) {\n    Result<Block> memory',
      { gpu: true, healthy: true },
    ],
    ['inputs are not sent', 'if (input_layout_.bytes > 0) {', 'if (false) {', { gpu: true, healthy: true }],
    [
      'outputs are not fetched',
      'if (output_layout_.bytes > 0) {',
      'if (false) {',
      { gpu: true, healthy: true },
    ],
  ],
}
