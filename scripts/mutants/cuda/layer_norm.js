// Mutants of native/cuda/layer_norm.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/layer_norm.cu': alike(
    { cases: /^layer_norm(_backward)? (\[(3,\d|65,11|5,257|1100,65)\]|epsilon.*|all equal)$/ },
    [
      'elements past the row count',
      'const float d = i + j < n ? a[0].v[j] - center : 0;',
      'const float d = a[0].v[j] - center;',
    ],
    ['no epsilon', '/ count + epsilon)', '/ count)'],
    ['no bias', '* factor * g.v[j] + b.v[j]', '* factor * g.v[j]'],
    ['rows past the last', 'if (mine && Plan::Lane() == 0) {', 'if (Plan::Lane() == 0) {'],
    ['the mean of g is left', '- mean_g - z * mean_gz', '- z * mean_gz'],
    ['the mean of g·z is left', '- mean_g - z * mean_gz', '- mean_g'],
    ['one sum for both', 'biases.Add(k, i, n, a[1]);', 'biases.Add(k, i, n, dyz);'],
    ['slabs overlap', '(blockIdx.x) * 2 * n;', '(blockIdx.x) * n;'],
    ['sums are not cleared', '  biases.Clear(n);\n', ''],
    ['the sums of a slab are kept', '  biases.Finish(n, columns);\n', ''],
    ...alike(
      { cases: /^layer_norm(_backward)? \[(3,5|7,8|65,11|3,2500)\], bf16/ },
      ['y read as f32', 'FloatOutput(call, 0)', 'Output<float>(call, 0)'],
      ['dy read as f32', 'FloatInput(call, 4)', 'Input<float>(call, 4)'],
    ),
  ),
}
