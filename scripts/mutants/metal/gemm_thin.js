// Mutants of native/metal/gemm_thin.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/gemm_thin.metal': alike(
    { gemm: ['f32 3 x 33 x 65', 'f32 5 x 17 x 9', 'f32 4 x 70 x 136'] },
    ['the second column twice', '(columns - 1) * work.b_stride', '0 * work.b_stride'],
    ['columns change places', 'float4(first, second, 0.0f, 0.0f)', 'float4(second, first, 0.0f, 0.0f)'],
    ['terms past the last', 'begin_b + p, begin_b + terms)', 'begin_b + p, begin_b + terms + 1)'],
    [
      'rows of a lie alike',
      'const uint at = begin_a + i * row_step;',
      'const uint at = begin_a + i * work.a_stride;',
    ],
    [
      'a simdgroup is skipped',
      'for (uint i = 1; i < kAcrossSimdgroups; ++i) sum +=',
      'for (uint i = 2; i < kAcrossSimdgroups; ++i) sum +=',
    ],
    [
      'no barrier',
      '  threadgroup_barrier(mem_flags::mem_threadgroup);\n',
      '',
      { cases: /^matmul [1-8]x\d+x\d+$/, races: true, each: 20 },
    ],
    ['tf32 is not rounded', 'kTf32 != 0 ? ToTf32(value) : value', 'value', { gemm: ['tf32 3 x 33 x 65'] }],
    [
      'f16 is f32',
      'return (kDtypes >> (2 * number) & 3) == 2;',
      'return number == 9;',
      { gemm: ['f16 to f32 3 x 33 x 65'] },
    ],
  ),
}
