// Mutants of native/cuda/select_row.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/select_row.cu': alike(
    { cases: /^select_row / },
    ['the row is not checked', 'ValidateEach(call, message, 1,', 'ValidateEach(call, message, 0,'],
    ['a row too many', '*row, 0, rows - 1)', '*row, 0, rows)'],
    ['of the first sequence', 'b * rows + *row, b', '*row, b'],
  ),
}
