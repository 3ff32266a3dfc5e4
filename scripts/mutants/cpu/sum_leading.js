// Mutants of native/cpu/sum_leading.cc: see cpu.js.

module.exports = {
  'cpu/sum_leading.cc': [
    ['the last four rows dropped', 'r < rows; r += 4', 'r + 4 < rows; r += 4'],
    ['a stale row', '(at(2) + at(3))', '(at(2) + at(2))'],
    [
      'the last block dropped',
      'SumRows(partial + begin, blocks, columns',
      'SumRows(partial + begin, blocks - 1, columns',
    ],
    [
      'one column: the last block dropped',
      '*y = SumOne(partial, blocks);',
      '*y = SumOne(partial, blocks - 1);',
    ],
    ['rows of the first block', 'SumRows(x + row * columns + column, count', 'SumRows(x + column, count'],
  ],
}
