// Mutants of native/metal/embedding.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/embedding.metal': alike(
    { cases: /^embedding(_backward)? (7 of 5x[35]|1100 of 65x130|700 of 2x5|70 of 2x1030|301 of 5003x71)$/ },
    ['a row of the wrong token', 'Way{uint(tokens[i]), i}', 'Way{uint(tokens[0]), i}'],
    [
      'a sum replaces the total',
      'if (accumulate) sum = LoadQuad(FloatsIn(row, false), column, columns) + sum;',
      '',
      { cases: /^embedding_accumulate (7 of 5x|700 of )/ },
    ],
    [
      'a part of a run is added to the one before',
      'arguments.accumulate && !began_before && !goes_on',
      'arguments.accumulate',
      { cases: /^embedding_accumulate (700 of |1100 of )/ },
    ],
    ['the table is not cleared', 'StoreQuad(FloatsOut(table, false), i, n, float4(0));', ''],
    ['runs are not told apart', 'i > 0 && padded[i] == token ?', 'i > 0 ?'],
    [
      'what a run began with before is lost',
      'const bool began_before = padded[0] == token',
      'const bool began_before = false',
    ],
    ['a run that continues ends', 'goes_on = padded[i + 2] == token', 'goes_on = false'],
    ['a piece too few joins', 'next * kPiece < count && tokens', '(next + 1) * kPiece < count && tokens'],
    [
      'no barrier',
      '  threadgroup_barrier(mem_flags::mem_threadgroup);\n  const uint column',
      '  const uint column',
    ],
    [
      'the first slice of the columns',
      'group % arguments.slices * threads + index);\n  if (column >= columns) return;\n  const FloatsIn gradients',
      'index);\n  if (column >= columns) return;\n  const FloatsIn gradients',
    ],
    ['every run of a piece is left over', 'first > 0 && tokens[first - 1] == token', 'false'],
  ),
}
