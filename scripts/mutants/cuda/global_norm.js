// Mutants of native/cuda/global_norm.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/global_norm.cu': alike(
    { cases: /^global_norm (?!many)/ },
    [
      'half the elements of a four',
      '(sums[0] + sums[2]) + (sums[1] + sums[3])',
      '(sums[0] + sums[2]) + sums[1]',
    ],
    ['the last chunk is skipped', 'i < chunks; i += kManyThreads', 'i < chunks - 1; i += kManyThreads'],
    ['squares are rounded', 'static_cast<double>(four.v[j]) * four.v[j]', 'four.v[j] * four.v[j]'],
    ['every launch in one place', 'partial + before', 'partial', { cases: /^global_norm many/ }],
    [
      'scratch for the first tensor',
      'for (const TensorSpec& x : op.inputs) chunks +=',
      'for (const TensorSpec& x : op.inputs) chunks =',
    ],
  ),
}
