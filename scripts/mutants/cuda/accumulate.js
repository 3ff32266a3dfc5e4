// Mutants of native/cuda/accumulate.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/accumulate.cu': alike(
    { cases: /^accumulate / },
    [
      'nothing is added to',
      'static_cast<const float*>(total), Input<const float>(call, 1)',
      'Input<const float>(call, 1), Input<const float>(call, 1)',
    ],
    ['the larger of both', 'Add()', 'Larger()'],
    ['an element short', 'Map(call, message, total, Add()', 'Map(call, message, total + 1, Add()'],
  ),
}
