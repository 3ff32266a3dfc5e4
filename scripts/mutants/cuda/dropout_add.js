// Mutants of native/cuda/dropout_add.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/dropout_add.cu': alike(
    { cases: /^dropout_add (\[\d*\]|NaN.*|p .*)$/ },
    ['no residual', 'MapQuad(Add(), LoadQuad(residual, i, n), dropped)', 'dropped'],
    ['the residual of another quad', 'LoadQuad(residual, i, n)', 'LoadQuad(residual, 0, n)'],
    [
      'the residual read as f32',
      'residual = FloatInput(call, 2)',
      'residual = Input<float>(call, 2)',
      { cases: /^dropout_add .* bf16/ },
    ],
    ['another site', 'RandomStream(rng, site)', 'RandomStream(rng, site + 1)'],
  ),
}
