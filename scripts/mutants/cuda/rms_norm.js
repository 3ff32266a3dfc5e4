// Mutants of native/cuda/rms_norm.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/rms_norm.cu': alike(
    {
      cases:
        /^rms_norm(_backward)? (\[(3,\d|65,11|5,257|1100,65)\] in 1.*|\[5,9\] in 3.*|epsilon.*|all 0|tiny)$/,
    },
    ['no epsilon', '/ static_cast<float>(n) + epsilon)', '/ static_cast<float>(n))'],
    ['rows past the last', 'if (mine && Plan::Lane() == 0) rstd', 'if (Plan::Lane() == 0) rstd'],
    [
      'the mean of a longer row',
      'Plan::Reduce(products, room, Add()) / static_cast<float>(n)',
      'Plan::Reduce(products, room, Add()) / static_cast<float>(n + 1)',
    ],
    ['the mean ignores the gain', 'products += dyz.v[j] * weight.v[j];', 'products += dyz.v[j];'],
    ...alike(
      { cases: /^rms_norm(_backward)? \[(3,15|7,8|65,11)\].* bf16/ },
      ['y read as f32', 'FloatOutput(call, 0)', 'Output<float>(call, 0)'],
      ['dy read as f32', 'FloatInput(call, 2)', 'Input<float>(call, 2)'],
    ),
    ['one slab for all', '(blockIdx.x) * n;', '(blockIdx.x) * 0;'],
    [
      'without a gain it is 0',
      'gain == nullptr ? Four{{1, 1, 1, 1}}',
      'gain == nullptr ? Four{{1, 1, 1, 0}}',
    ],
    [
      'a row that is not there',
      'HeldRows<Plan, 1> row;\n    row.rows[0] = x + r * n, row.n = mine ? n : 0',
      'HeldRows<Plan, 1> row;\n    row.rows[0] = x + r * n, row.n = n',
    ],
  ),
}
