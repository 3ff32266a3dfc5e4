// Mutants of native/cuda/masked_softmax.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/masked_softmax.cu': alike(
    { cases: /^masked_softmax(_backward)? (\[\d,\d\]|\[.*65.*\]|.*scale.*|NaN.*)/ },
    ['a column too few', 'r % rows + 1 + columns - rows; }', 'r % rows + columns - rows; }'],
    ['all matrices are one', 'return r % rows + 1', 'return r + 1'],
    ['hidden columns stay', 'if (mine) ClearHidden<Plan>(to, row.n, causal.columns);', ''],
    [
      'hidden columns stay in the gradient',
      'if (mine) ClearHidden<Plan>(dx + at, row.n, causal.columns);',
      '',
    ],
    ['no sum taken out', '(a[1].v[j] - sum)', 'a[1].v[j]'],
    [
      'no scale in the sum',
      'i + j < row.n ? expf((a[0].v[j] - top) * scale) : 0',
      'i + j < row.n ? expf((a[0].v[j] - top)) : 0',
    ],
    ['no scale in the gradient', 'scale * a[0].v[j] * (a', 'a[0].v[j] * (a'],
    [
      'a row begins elsewhere',
      'row.rows[0] = y + at, row.rows[1] = dy + at',
      'row.rows[0] = y + at, row.rows[1] = dy + at + 1',
    ],
  ),
}
