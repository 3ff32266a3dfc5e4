// Mutants of native/metal/attention.h and native/metal/attention.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/attention.h': alike(
    { cases: /^attention (1x33x1x7|2x65x2x5 dropout 0.5|1x11x2x33|1x11x2x65|2x25x6 on 2x5)$/ },
    ['rows past the last', 'if (row < rows) value = ', 'value = '],
    ['channels past the last', 'quad * kQuad, width);', 'quad * kQuad, Across());'],
    ['the mask begins with a block', '(uint(first) + query * stride) % 4 + key', 'key'],
    ['masks of one block only', 'dropout.Kept(begin / 4 + block)', 'dropout.Kept(begin / 4)'],
    ['the last block of a mask is missing', '4 * block < uint(begin % 4) + kKeys', '4 * block < kKeys'],
    ['lse of base 2', 'top * kLn2 + log(sum)', 'top + log(sum)'],
    ['rows past the last are written', 'i < kColumns && Row() < rows', 'i < kColumns'],
    ['scores of half the channels', 'if (kSplits > 1) values[i] += from[kRows * kScratchRow + i];', ''],
    ['the same half of the channels twice', 'return split * 8 * Count();', 'return 0;'],
    [
      'the last channels are skipped',
      ': (kHeadSize + 8 * kSplits - 1) / (8 * kSplits)',
      ': kHeadSize / (8 * kSplits)',
    ],
    [
      'the first rows for every simdgroup',
      'from.From((first_row + row) * stride)',
      'from.From(row * stride)',
    ],
    ['keys are not transposed', 'kRow, ulong2(0, 0), true);', 'kRow, ulong2(0, 0), false);'],
    [
      'sums stay as they are',
      'for (uint i = 0; i < kColumns; ++i) Own()[i] *= factor;',
      '',
      { cases: /^attention scores that grow, D (5|80)$/ },
    ],
    [
      'scores are read before they are stored',
      '    Barrier();\n    if (busy) {\n      threadgroup const float* from',
      '    if (busy) {\n      threadgroup const float* from',
      { cases: /^attention (1x11x2x65|1x3x1x7|1x5x1x7)$/, races: true },
    ],
    [
      'weights take the place of scores too early',
      '    Barrier();\n  }\n\n  // Stages',
      '  }\n\n  // Stages',
      { cases: /^attention 1x11x2x65$/, races: true, work: 1e6 },
    ],
    [
      'weights are read before they are stored',
      'Own()[i] = weights[i];\n    simdgroup_barrier(mem_flags::mem_threadgroup);',
      'Own()[i] = weights[i];',
      { cases: /^attention (1x9x1x7|1x8x1x7)$/, races: true },
    ],
    [
      'scratch is used again too early',
      '    }\n    simdgroup_barrier(mem_flags::mem_threadgroup);\n  }\n};',
      '    }\n  }\n};',
      { cases: /^attention_backward 1x(8|9)x1x7$/, races: true },
    ],
  ),
  'metal/attention.metal': alike(
    {
      cases:
        /^attention (1x33x1x7|2x65x2x5 dropout 0.5|1x11x2x33|2x25x6 on 2x5|2x9x3x8 at 1 of 39|3x9x4x7 at 11,0,32 of 41 in 4,1,3)$/,
    },
    ['flops are not counted', ', 1, FlopsOf(a, 2)};', '};', { gpu: true, healthy: true }],
    ['a key too many', '<= last ? exp2', '<= last + 1 ? exp2'],
    ['a key too few', '<= last ? exp2', '< last ? exp2'],
    ['a stale maximum', 'shift = top;', ''],
    ['the total stays as it is', 'total *= by;', '', { cases: /^attention scores that grow, D (5|80)$/ }],
    [
      'sums are not scaled down',
      'if (key > 0) tile.Scale(sums, by);',
      '',
      { cases: /^attention scores that grow, D (5|80)$/ },
    ],
    [
      'a maximum that is not seen',
      'if (key + tile.Column(i) <= last) top',
      'if (key + tile.Column(i) <= last + 1) top',
      { cases: /^attention( bf16)? (one score far above|1e4 in the last key), T (29|70)$/ },
    ],
    [
      'no barrier between tiles',
      'threadgroup_barrier(mem_flags::mem_threadgroup);  // the next tile',
      '// the next tile',
      { cases: /^attention 1x33x1x7$/, races: true },
    ],
    [
      'no barrier before a tile is used',
      'threadgroup_barrier(mem_flags::mem_threadgroup);\n      if (busy) tile.Multiply',
      'if (busy) tile.Multiply',
      { cases: /^attention 1x9x1x7$/, races: true },
    ],
    [
      'heads share keys in another order',
      'head / a.group * kHeadSize',
      'head % (a.heads / a.group) * kHeadSize',
    ],
    ['dropout forgets its scale', '? weight * a.kept_scale', '? weight'],
    [
      'a mask for every sequence',
      '(number * ulong(a.queries) + query) * a.keys + key',
      '(number % a.heads * ulong(a.queries) + query) * a.keys + key',
    ],
    [
      'a simdgroup is done too early',
      'key < begin + query + tile.first_row + T::kRows',
      'key < begin + query + tile.first_row',
      { cases: /^attention (1x65x1x7|2x25x6 on 2x5)$/ },
    ],
    ['the start is ignored', 'kIsCached != 0 ? uint(start[batch]) : 0u', '0u'],
    ['the slot is ignored', 'kIsCached != 0 ? uint(slot[batch]) : batch', 'batch'],
    [
      'no barrier between parts of a head',
      'if (c > 0) threadgroup_barrier(mem_flags::mem_threadgroup);',
      '',
      { cases: /^attention 1x37x1x130 dropout/, races: true, work: 1e6 },
    ],
    [
      'a part in the place of another',
      'From(own + part * T::Across())',
      'From(own)',
      { cases: /^attention 1x37x1x130 dropout/ },
    ],
    [
      'queries of the first part for all',
      'queries.From(channel)',
      'queries',
      { cases: /^attention 1x37x1x130 dropout/ },
    ],
    [
      'slots are not checked',
      'return ValidateRange(kAttentionSlot, InputError::kSlot, i, slot[i], 0, last_slot);',
      'return error;',
      { cases: /^attention refuses/ },
    ],
    [
      'the slot is used as the start',
      'if (error.kind != InputError::kNone) return error;',
      '',
      { cases: /^attention refuses/ },
    ],
    [
      'the last start is not allowed',
      'static_cast<int32_t>(a.keys - a.queries)',
      'static_cast<int32_t>(a.keys - a.queries - 1)',
      { cases: /^attention 1x1x1x7 at 0 of [1-3]$|^attention 1x1x2x7 at 1 of 2$/ },
    ],
    [
      'places are not checked',
      'if (p.cached) {\n    const Outcome',
      'if (false) {\n    const Outcome',
      { cases: /^attention refuses/ },
    ],
  ),
}
