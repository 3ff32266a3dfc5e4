// Mutants of native/metal/layer_norm.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/layer_norm.metal': alike(
    { cases: /^layer_norm(_backward)? (\[3,[35]\]|\[5,257\]|\[65,11\]|\[1100,65\])$/ },
    [
      'what is past the end deviates',
      'Within(part.held[k] - center, start + at.First(k), n)',
      'part.held[k] - center',
    ],
    [
      'no epsilon',
      '/ float(kColumns) + arguments.epsilon',
      '/ float(kColumns)',
      { cases: /^layer_norm epsilon 1e-2$/ },
    ],
    ['the mean is not kept', 'mean[row] = center;', 'mean[row] = 0;'],
    ['no mean of g', 'weighted - means.x - normed', 'weighted - normed'],
    ['the bias gets dy·z', 'biases.held[k] += gradient;', 'biases.held[k] += gradient * normed;'],
    [
      'rows are taken twice',
      'first += groups * at.rows) {',
      'first += groups * at.rows / 2) {',
      { cases: /^layer_norm_backward \[1100,65\]$/ },
    ],
    ['the bias has the gain’s slab', '(group * 2 + 1) * kColumns', '(group * 2) * kColumns'],
  ),
}
