// Mutants of native/cuda/gemm_tensor.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/gemm_tensor.cuh': [
    ...alike(
      { gemm: ['tf32 64 x 64 x 64', 'tf32 65 x 72 x 24'], sources: ['gemm_tf32.cu'] },
      ['a wait for one step too few', 'cp_async_wait<kStages - 2>()', 'cp_async_wait<kStages - 1>()'],
      ['no wait for copies', '    ptx::cp_async_wait<kStages - 2>();\n', ''],
      ['no barrier', '    __syncthreads();  // all copies', '    // all copies'],
      [
        'steps of nothing do not count',
        '    ptx::cp_async_commit();  //',
        '    if (step < steps) ptx::cp_async_commit();  //',
      ],
      [
        'a stage is skipped',
        'step < kStages - 1; ++step) load(step);',
        'step < kStages - 2; ++step) load(step);',
      ],
      [
        'copies past the end',
        'ptx::cp_async16(to + i * kApart * kStride, from, count > 0);',
        'ptx::cp_async16(to + i * kApart * kStride, from, true);',
      ],
      [
        'the tail of a piece further on',
        'left - Term() - i * kApart : left - Term();',
        'left - Term() : left - Term();',
      ],
      ['rows of a fragment', 'lane / 4 + e / 2 * 8', 'lane / 4 + e / 2 * 4'],
      ['the halves of b swapped', 'y[j][1] = both[2];', 'y[j][1] = both[1];'],
      [
        'not rounded but cut off',
        'x[i] = ptx::to_tf32(__uint_as_float(x[i]));',
        'x[i] = x[i] & 0xFFFFE000u;',
      ],
      [
        'a stage is filled while others read it',
        '    __syncthreads();  // all copies have arrived, and no thread still reads the stage that is filled next\n    load(step + kStages - 1);\n',
        '    load(step + kStages - 1);\n    __syncthreads();\n',
        { gemm: ['tf32 64 x 136 x 96'], sources: ['gemm_tf32.cu'], races: true },
      ],
    ),
    ...alike(
      { gemm: ['bf16 to f32 64 x 64 x 64', 'bf16 to f32 65 x 72 x 24'], sources: ['gemm_bf16.cu'] },
      ['no wait for copies', '    ptx::cp_async_wait<kStages - 2>();\n', ''],
      ['the first half of a step twice', '+ half * 32 + lane', '+ lane'],
      ['sides of an ldmatrix across', 'side + lane / 8 % 2 * 8', 'side + lane / 16 * 8'],
      [
        'terms past the last, one by one',
        'e < count ? from[e] :',
        'count > 0 ? from[e] :',
        { gemm: ['bf16 to f32 33 x 65 x 17'], sources: ['gemm_bf16.cu'] },
      ],
      [
        'c of bf16 as floats',
        'Put<sizeof(T) == 2>',
        'Put<false>',
        { gemm: ['bf16 to bf16 17 x 15 x 31'], sources: ['gemm_bf16.cu'] },
      ],
    ),
  ],
}
