// Mutants of native/metal/attention_backward.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/attention_backward.metal': alike(
    {
      cases:
        /^attention_backward (1x33x1x7|2x65x2x5 dropout 0.5|1x11x2x33|1x11x2x65|2x25x6 on 2x5|1x65x1x7)$/,
    },
    ['no delta', '(slopes[i] * factor - of.y)', '(slopes[i] * factor)'],
    ['no scale', '- of.y) * a.scale', '- of.y)'],
    [
      'a query does not see its own key',
      'key + tile_key <= query + tile_query',
      'key + tile_key < query + tile_query',
    ],
    [
      'a query sees the next key',
      'key + tile_key <= query + tile_query',
      'key + tile_key <= query + tile_query + 1',
    ],
    [
      'statistics past the last',
      'query + i < a.queries ? float2(lse[one] * kLog2E, deltas[one]) : float2(0)',
      'float2(lse[one] * kLog2E, deltas[one])',
      { cases: /^attention_backward 1x33x1x7$/ },
    ],
    ['the mask is not applied to values', 'visible ? p * factor : 0.0f', 'visible ? p : 0.0f'],
    ['the mask is not applied to slopes', 'slopes[i] * factor - of.y', 'slopes[i] - of.y'],
    ['one head of those that share', 'h < (kOfKeys ? a.group : 1)', 'h < 1'],
    ['statistics of the first tile', 'if (kOfKeys || met == 0)', 'if (met == begin)'],
    ['lse of base e', 'lse[one] * kLog2E', 'lse[one]'],
    [
      'simdgroups of keys are done too early',
      'own + tile.first_row < met + columns',
      'own + tile.first_row + T::kRows < met + columns',
    ],
    [
      'simdgroups of queries are done too early',
      'met < own + tile.first_row + T::kRows',
      'met < own + tile.first_row',
    ],
    [
      'deltas of another head',
      '(batch * a.heads + head) * a.queries + t] = sum',
      '(batch * a.heads) * a.queries + t] = sum',
    ],
    [
      'no barrier between tiles',
      'threadgroup_barrier(mem_flags::mem_threadgroup);  // the next tile',
      '// the next tile',
      { cases: /^attention_backward 1x33x1x7$/, races: true },
    ],
    [
      'no barrier before a tile is used',
      'threadgroup_barrier(mem_flags::mem_threadgroup);\n        if (busy) tile.Multiply(a_rows',
      'if (busy) tile.Multiply(a_rows',
      { cases: /^attention_backward 1x9x1x7$/, races: true },
    ],
    [
      'no barrier between parts of a head',
      'if (c > 0) threadgroup_barrier(mem_flags::mem_threadgroup);',
      '',
      { cases: /^attention_backward 1x37x1x130 dropout/, races: true, work: 1e6 },
    ],
    [
      'the last part in the place of the first',
      'if (part + 1 < T::Parts()) {',
      'if (false) {',
      { cases: /^attention_backward 1x37x1x130 dropout/ },
    ],
  ),
}
