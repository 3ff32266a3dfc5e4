// Mutants of native/cuda/slice_positions.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/slice_positions.cu': alike(
    { cases: /^(slice|concat)_positions / },
    ['a slice from the first position', 'Way{b * length + begin + t, r}', 'Way{b * length + t, r}'],
    ['a slice of the first sequence', 'Way{b * length + begin + t, r}', 'Way{begin + t, r}'],
    ['every input in the same place', 'begin += count;', ''],
    ['all in the first sequence', 'Way{r, b * length + begin + t}', 'Way{r, begin + t}'],
    [
      'a position short',
      'MoveRows(call, message, x[0] * count,',
      'MoveRows(call, message, x[0] * count - 1,',
    ],
  ),
}
