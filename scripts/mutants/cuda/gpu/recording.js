// Mutants of native/gpu/recording.cc: see cuda.js.

module.exports = {
  'gpu/recording.cc': [
    ['a recording that ended early is kept', 'if (failure) DropRecording();', '', { gpu: true }],
    [
      'a recording is kept forever',
      'Calls::~Calls() { DropRecording(); }',
      'Calls::~Calls() {}',
      { gpu: true, healthy: true },
    ],
  ],
}
