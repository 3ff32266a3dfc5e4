// Mutants of native/cuda/gemm.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/gemm.cu': alike(
    { gemm: ['f32 1 x 9 x 4200', 'f32 8 x 33 x 4200'] },
    ['the second part is skipped', 'int64_t part = 1; part < parts', 'int64_t part = 2; part < parts'],
    [
      'the first element of the bias for all',
      'dense && target.bias == nullptr ? 0 : i % n',
      'dense ? 0 : i % n',
    ],
    ['a gap between rows is not seen', 'const bool dense = p.c_row == n &&', 'const bool dense ='],
    [
      'scratch for a part too few',
      'parts * p.batch * p.m * p.n) * sizeof',
      '(parts - 1) * p.batch * p.m * p.n) * sizeof',
    ],
    [
      'a row too many for the thin kernel',
      'p.m <= kThinRows',
      'p.m <= kThinRows + 1',
      { gemm: ['f32 9 x 9 x 1,'] },
    ],
    [
      'terms across read as terms along',
      'across = term_step != 1',
      'across = side_step == 2',
      { gemm: ['f32 4 x 70 x 136'] },
    ],
    [
      'thin products are not rounded',
      'return MultiplyThin(call, message, work, dtype, tf32);',
      'return MultiplyThin(call, message, work, dtype, false);',
      { cases: /^(matmul|linear) tf32 3x/ },
    ],
    [
      'f32 of a bf16 Program is rounded',
      'precision == Precision::kTf32',
      'precision != Precision::kF32',
      { cases: /^batched_matmul bf16/ },
    ],
  ),
}
