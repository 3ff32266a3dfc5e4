// Mutants of native/metal/rows.h and native/metal/rows.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/rows.h': alike(
    { cases: /^layer_norm(_backward)? (\[3,[35]\]|\[1100,65\]|\[65,11\]|\[5,257\])$/ },
    [
      'what a row has not counts',
      'return i + kQuad <= n ? four : select',
      'return i < n ? four : select',
      { cases: /^layer_norm \[\d+,(3|5|65)\]$/ },
    ],
    [
      'rows that are not there are read',
      'return IsAlone() || is_there ? kColumns : 0;',
      'return kColumns;',
      { cases: /^layer_norm(_backward)? \[(3,[35]|65,11)\]$/ },
    ],
    [
      'eight lanes are a simdgroup',
      'if (kRowThreads == kSimd) return simd_sum(value);',
      'if (kRowThreads <= kSimd) return simd_sum(value);',
    ],
    [
      'a group is a simdgroup',
      'if (kRowThreads > kSimd) return GroupSum(value, room, at.threads);',
      'if (kRowThreads > kSimd) return simd_sum(value);',
      { cases: /^layer_norm (\[35,3001\]|\[5,4099\])$/ },
    ],
    [
      'a turn is not loaded',
      'if (InTurns()) Load(row, start, n, at);',
      '',
      { cases: /^(layer_norm \[5,8203\]|rms_norm_backward \[5,5003\] in 1)$/ },
    ],
    [
      'sums of long rows are not cleared',
      'held[k] = first ? float4(0) : LoadQuad',
      'held[k] = LoadQuad',
      { cases: /^rms_norm_backward \[5,5003\] in 1$/ },
    ],
    [
      'sums of long rows are not kept',
      'if (InTurns()) Store(start, at);',
      '',
      { cases: /^rms_norm_backward \[5,5003\] in 1$/ },
    ],
    [
      'lanes of a simdgroup are not joined',
      'offset < kSimd; offset *= 2) {\n        held',
      'offset < 16; offset *= 2) {\n        held',
      { cases: /^layer_norm_backward \[(65,11|33,11|1100,65)\]$/ },
    ],
    [
      'the first simdgroup only',
      'if (simdgroup > 0) held[k] += place;',
      'if (simdgroup > 1) held[k] += place;',
      { cases: /^layer_norm_backward \[1100,65\]$/ },
    ],
    [
      'no barrier between simdgroups',
      '      threadgroup_barrier(mem_flags::mem_threadgroup);\n    }\n  }\n\n  void Store',
      '    }\n  }\n\n  void Store',
      { cases: /^layer_norm_backward \[1100,65\]$/ },
    ],
  ),
  'metal/rows.metal': alike(
    { cases: /^layer_norm_backward \[(35,3001|1100,65|65,11|5,257)\]$/ },
    ['no barrier', '  threadgroup_barrier(mem_flags::mem_threadgroup);', ''],
    ['a simdgroup short', 'i < kParts; ++i) sum', 'i < kParts - 1; ++i) sum'],
    ['slabs are skipped', 'slab += kParts', 'slab += kParts + 1'],
    ['the second sums in the first', 'second[column - arguments.n]', 'first[column - arguments.n]'],
    ['columns past the last', 'if (part != 0 || column >= width) return;', 'if (part != 0) return;'],
  ),
}
