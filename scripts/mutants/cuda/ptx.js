// Mutants of native/cuda/ptx.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/ptx.cuh': alike(
    { ptx: true },
    [
      'a: rows below where columns to the right belong',
      'row = g + i % 2 * 8, column = 2 * t + i / 2 * 8',
      'row = g + i / 2 * 8, column = 2 * t + i % 2 * 8',
    ],
    ['b: the second register above the first', 'b[2 * t + i * 8][g] =', 'b[2 * t + (1 - i) * 8][g] ='],
    ['tf32 b: transposed', 'b[t + i * 4][g] =', 'b[g][t + i * 4] ='],
    ['tf32: all bits count', 'v & 0xFFFFE000u', 'v'],
    ['sums of another row', 'c[g + i / 2 * 8][2 * t + i % 2];', 'c[g + i % 2 * 8][2 * t + i % 2];'],
    ['ldmatrix.trans transposes nothing', 'o.trans ?', 'false ?'],
    ['ties towards zero', 'bits + 0x1000u', 'bits + 0x0FFFu'],
    ['a NaN becomes infinite', 'x != x ? 0x7FFFFFFFu : std::isinf(x)', 'x != x || std::isinf(x)'],
    ['halves of a pair swapped', '__floats2bfloat162_rn(low, high)', '__floats2bfloat162_rn(high, low)'],
    [
      'the first of a pair is cut off',
      '__floats2bfloat162_rn(low, high)',
      '__floats2bfloat162_rn(__uint_as_float(__float_as_uint(low) & 0xFFFF0000u), high)',
    ],
    ['copies that are not wanted', 'wanted ? global : nullptr, SIMT_PC', 'global, SIMT_PC'],
    ['a wait for too few', 'simt::AsyncWait(kLeft)', 'simt::AsyncWait(kLeft + 1)'],
  ),
}
