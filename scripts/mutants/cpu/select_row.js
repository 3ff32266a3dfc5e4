// Mutants of native/cpu/select_row.cc: see cpu.js.

module.exports = {
  'cpu/select_row.cc': [
    ['the row after', '(b * rows + row) * channels', '(b * rows + row + 1) * channels'],
    ['a row past the last', 'row >= rows)', 'row > rows)'],
    ['the first sequence for all', '(b * rows + row) * channels', 'row * channels'],
  ],
}
