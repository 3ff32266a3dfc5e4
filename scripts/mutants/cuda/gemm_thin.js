// Mutants of native/cuda/gemm_thin.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/gemm_thin.cu': alike(
    { gemm: ['f32 3 x 33 x 65', 'f32 4 x 70 x 136'] },
    ['a column past the last', 'column + j < work.n ? column + j : work.n - 1', 'column + j'],
    ['a last piece that is whole', 'AtMost<kPiece>(terms - p)', 'kPiece'],
    ['every second piece', 'p += kWarp * kPiece', 'p += 2 * kWarp * kPiece'],
    ['every second column', 'lane == i * kAlongColumns + j', 'lane == i * kAlongColumns + kWarp * j'],
    ['a read along where it lies across', '!work.a.across && InPieces(work.a', 'InPieces(work.a'],
    [
      'no barrier before the sum',
      'room[warp][i][lane] = sums[i];\n  __syncthreads();\n',
      'room[warp][i][lane] = sums[i];\n',
    ],
    ['a warp short', 'i < kAcrossWarps; ++i', 'i < kAcrossWarps - 1; ++i'],
    ['a row too many', 'work.m <= 4 ?', 'work.m <= 5 ?', { gemm: ['f32 5 x 17 x 9'] }],
    [
      'bf16 read as floats of half the piece',
      'constexpr int kPiece = 16 / sizeof(T);\n  if (Stopped',
      'constexpr int kPiece = 4;\n  if (Stopped',
      { gemm: ['bf16 to f32 4 x 70 x 136'] },
    ],
    ...alike(
      { cases: /^(matmul|linear|matmul_accumulate) tf32 [138]x/ },
      ['tf32 is not rounded', '__uint_as_float(ptx::to_tf32(x.value))', 'x.value'],
      [
        'tf32 is cut off',
        '__uint_as_float(ptx::to_tf32(x.value))',
        '__uint_as_float(__float_as_uint(x.value) & 0xFFFFE000u)',
      ],
      ['f32 is tf32', ': StartOf<float>(call', ': StartOf<Tf32>(call', { gemm: ['f32 3 x 33 x 65'] }],
    ),
  ),
}
