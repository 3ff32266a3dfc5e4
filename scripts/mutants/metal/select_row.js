// Mutants of native/metal/select_row.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/select_row.metal': alike(
    { cases: /^select_row / },
    ['always the first row', 'b * rows + row, b', 'b * rows, b'],
    ['a row too many', 'long(arguments.rows) - 1)', 'long(arguments.rows))'],
    ['of the first sequence', 'b * rows + row, b', 'row, b'],
  ),
}
