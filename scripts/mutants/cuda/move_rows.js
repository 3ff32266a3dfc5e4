// Mutants of native/cuda/move_rows.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/move_rows.cuh': alike(
    { cases: /^select_row /, sources: ['select_row.cu'] },
    ['an element further', 'from[source * width + at]', 'from[source * width + (at ^ 1) % width]'],
    ['fours of any row', 'if (!InQuads(columns)) return', 'if (columns < kQuad) return'],
    ['the last row is skipped', 'const int64_t n = rows * width;', 'const int64_t n = (rows - 1) * width;'],
    [
      'the first blocks only',
      'i < n; i += step) {',
      'i < n; i += n) {',
      { cases: /^embedding 301 of 5003x71$|^embedding 1100/, sources: ['embedding.cu'] },
    ],
  ),
}
