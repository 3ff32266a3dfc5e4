// Mutants of native/metal/sort.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/sort.metal': alike(
    { cases: /^embedding_backward (1100 of 65x130|301 of 5003x71|40 of 70001x1|1300 of 600x3)$/ },
    [
      'equal digits change places',
      'before[simdgroup][digit] + earlier;',
      'before[simdgroup][digit] + popcount(same) - 1 - earlier;',
    ],
    [
      'always the first digit',
      'uint(key) >> shift &',
      'uint(key) &',
      { cases: /^embedding_backward (301 of 5003x71|1300 of 600x3)$/ },
    ],
    [
      'earlier tiles are not counted',
      'if (t < tile) below += count;',
      'if (t < tile) below += 0;',
      { cases: /^embedding_backward 1(100|300) of/ },
    ],
    [
      'a barrier is missing',
      'threadgroup_barrier(mem_flags::mem_threadgroup);\n\n  if (!has) return;',
      '\n  if (!has) return;',
    ],
    [
      'simdgroups of digits are not added',
      'start += room[s];',
      'start += 0;',
      { cases: /^embedding_backward (301 of 5003x71|1300 of 600x3)$/ },
    ],
    [
      'places start again',
      'kInPlace != 0 ? i : places[i]',
      'i',
      { cases: /^embedding_backward (301 of 5003x71|40 of 70001x1|1300 of 600x3)$/ },
    ],
    [
      'counts are not cleared',
      'if (index < kDigits) atomic_store_explicit(&room[index], 0u, memory_order_relaxed);',
      '',
    ],
    [
      'a simdgroup barrier is missing',
      '  simdgroup_barrier(mem_flags::mem_threadgroup);',
      '',
      { cases: /^embedding_backward 301 of 5003x71$|^embedding_backward 65 of 11x3$/, races: true },
    ],
  ),
}
