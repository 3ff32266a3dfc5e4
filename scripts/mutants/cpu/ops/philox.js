// Mutants of native/ops/philox.h: see cpu.js.

module.exports = {
  'ops/philox.h': [
    [
      'kept values not scaled',
      'scale(static_cast<float>(1.0 / (1.0 - p)))',
      'scale(1.0f)',
      ['dropout.cc', 'dropout_add.cc', 'attention.cc', 'attention_backward.cc'],
    ],
    ['a round less', 'kPhiloxRounds = 10', 'kPhiloxRounds = 9', ['dropout.cc', 'sample.cc']],
  ],
}
