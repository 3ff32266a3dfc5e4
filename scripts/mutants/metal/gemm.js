// Mutants of native/metal/gemm.h and native/metal/gemm.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/gemm.h': alike(
    { gemm: ['f32 17 x 15 x 31', 'f32 33 x 65 x 17'] },
    ['flops are not counted', 'work.parts, 1, flops}', 'work.parts}', { gpu: true, healthy: true }],
    ['terms past the last', 'min(place.first + work.part_terms, work.k)', 'place.first + work.part_terms'],
    ['bands of tiles are never short', 'min(work.tiles_down - above, kBand)', 'kBand'],
    ['c is not added to', 'if (kAccumulate != 0) sums +=', 'if (kAccumulate == 9) sums +='],
    [
      'the bias from its beginning',
      'LoadQuad(FloatsIn(bias, false), column, column + count)',
      'LoadQuad(FloatsIn(bias, false), 0, count)',
    ],
    [
      'all parts go to one place',
      'place.part * work.part_step',
      '0 * work.part_step',
      { gemm: ['f32 1 x 9 x 4200'] },
    ],
    [
      'all matrices are the first',
      'place.matrix * work.a_step',
      '0 * work.a_step',
      { gemm: ['f32 5 x 17 x 9'] },
    ],
    [
      'relu hides a NaN',
      'select(sums, float4(0), sums < 0)',
      'select(float4(0), sums, sums > 0)',
      { cases: /^linear .*NaN/ },
    ],
    [
      'tf32 is cut off',
      '(bits + 0x1000u) & 0xFFFFE000u',
      'bits & 0xFFFFE000u',
      { gemm: ['tf32 3 x 33', 'tf32 17 x 15'] },
    ],
  ),
  'metal/gemm.metal': [
    ...alike(
      { gemm: ['f32 33 x 65 x 17', 'f32 65 x 36 x 72', 'f32 33 x 66 x 37'] },
      ['rows past the last', 'if (to_row < work.m && to_column < work.n) {', 'if (to_column < work.n) {'],
      ['columns past the last', 'min(work.n - to_column, kQuad),', 'kQuad,'],
      ['the last step is whole', 'move_a.Load(left - int(kStep));', 'move_a.Load(left);'],
      [
        'sides that are not there',
        'line >= (across ? left : sides) ? 0',
        'line >= (across ? left : int(kSides)) ? 0',
      ],
      ['fours of any size', 'if (count >= int(kQuad)) {', 'if (count > 0) {'],
      ['a tail is zero', 'for (int e = 0; e < count; ++e) quad[e] = at[e];', ''],
      ['not turned', 'kAcrossB != 0, kAcrossB == 0)', 'kAcrossB != 0, false)'],
      ['half of a step', 'term < kStep; term += kMatrix', 'term < kStep / 2; term += kMatrix'],
      ['the next step where this one was', 'from += across ? kStep * stride : kStep;', ''],
      [
        'a part is skipped',
        'first < work.k; first += work.part_terms',
        'first + work.part_terms < work.k; first += work.part_terms',
        { gemm: ['f32 33 x 35 x 1100'] },
      ],
      [
        'parts add to c',
        'work.accumulate = work.has_bias = work.relu = false;',
        'work.has_bias = work.relu = false;',
        { gemm: ['f32 33 x 35 x 1100'] },
      ],
      [
        'scratch for one part',
        'static_cast<size_t>(parts * p.batch',
        'static_cast<size_t>(p.batch',
        { gemm: ['f32 33 x 35 x 1100'] },
      ],
      [
        'bf16 read as f16',
        '"gemm_bf16_32" : "gemm_bf16_64"',
        '"gemm_f16_32" : "gemm_f16_64"',
        { gemm: ['bf16 to f32 17 x 15 x 31'] },
      ],
      ['f32 is tf32', 'precision == Precision::kTf32 && p.dtype == Dtype::kF32', 'p.dtype == Dtype::kF32'],
    ),
    ...alike(
      { gemm: ['f32 64 x 136 x 96'], races: true },
      [
        'no barrier before a step',
        '    threadgroup_barrier(mem_flags::mem_threadgroup);  // all threads have finished the previous step\n',
        '',
      ],
      [
        'no barrier in a step',
        '    move_b.Store(tile_b);\n    threadgroup_barrier(mem_flags::mem_threadgroup);\n',
        '    move_b.Store(tile_b);\n',
      ],
      [
        'sums among the last terms',
        '  threadgroup_barrier(mem_flags::mem_threadgroup);\n#pragma unroll\n',
        '#pragma unroll\n',
      ],
      [
        'rows are read too early',
        'kLine);\n    simdgroup_barrier(mem_flags::mem_threadgroup);\n',
        'kLine);\n',
      ],
      [
        'rows are written too early',
        '      }\n    }\n    simdgroup_barrier(mem_flags::mem_threadgroup);\n  }\n',
        '      }\n    }\n  }\n',
      ],
    ),
  ],
}
