// Mutants of native/metal/attention_few.metal: see metal.js.

const { alike } = require('../alike')

module.exports = {
  'metal/attention_few.metal': alike(
    {
      cases:
        /^attention (1x3x1x7|2x3x2 on 1x5|2x3x2x5 at 5 of 19 dropout 0.4|1x1x1x9 at 2.. of 300|1x3x1x9 at 2.. of 300|3x3x4 on 2x7 at .*|1x3x2x32)$/,
    },
    ['a key too few', 'seen[r] = begin + t + 1;', 'seen[r] = begin + t;'],
    [
      'keys past the last',
      'if (key >= end) continue;',
      '',
      { cases: /^attention (NaN|Infinity) behind 3 queries|^attention (1x3x1x7|1x3x2x32)$/ },
    ],
    ['keys that a row does not see', 'stop = min(end, seen[r])', 'stop = end'],
    [
      'a sum is not scaled down',
      'sums[r] *= by;',
      '',
      { cases: /^attention 2x1x4 on 2x(60|128) at/, work: 1e7 },
    ],
    [
      'a total is not scaled down',
      'totals[r] *= by;',
      '',
      { cases: /^attention 2x1x4 on 2x(60|128) at/, work: 1e7 },
    ],
    [
      'the last split is too long',
      'min(first + arguments.split_keys, most)',
      'most',
      { cases: /^attention 1x1x1x9 at 2.. of 300$/ },
    ],
    ['one team alone', 'for (uint g = 0; g < kTeams; ++g) {', 'for (uint g = 0; g < 1; ++g) {'],
    [
      'one split alone',
      'for (uint i = 0; i < arguments.splits; ++i) {',
      'for (uint i = 0; i < 1; ++i) {',
      { cases: /^attention 1x1x1x9 at 2.. of 300$/ },
    ],
    [
      'splits without their maximum',
      'exp2(from[i * size + kHeadSize + 1] - top)',
      '1.0f',
      { cases: /^attention 1x1x1x9 at 2.. of 300$/ },
    ],
    ['rows share a mask', 'Keeps(index[r] * ulong(a.keys) + key)', 'Keeps(index[0] * ulong(a.keys) + key)'],
    [
      'the first queries for every batch of rows',
      'const uint mine = min(row + r, count - 1);',
      'const uint mine = min(r, count - 1);',
      { cases: /^attention (2x3x4 on 2x7|3x3x4 on 2x7 at .*|2x2x4 on 2x32 at .*)$/ },
    ],
    [
      'no barrier before the teams are added up',
      '  threadgroup_barrier(mem_flags::mem_threadgroup);\n  for (uint i = thread_index',
      '  for (uint i = thread_index',
      { cases: /^attention 1x3x1x7$/, races: true },
    ],
  ),
}
