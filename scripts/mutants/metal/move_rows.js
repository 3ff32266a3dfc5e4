// Mutants of native/metal/move_rows.h: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/move_rows.h': alike(
    { cases: /^(cache_write|select_row) / },
    ['fours where there are none', 'return columns % kQuad == 0;', 'return true;'],
    ['one past the end', 'i >= arguments.n', 'i > arguments.n'],
    ['where it came from', 'way.target * width + at] = ((device', 'way.source * width + at] = ((device'],
  ),
}
