// Mutants of native/cuda/rows.cuh and native/cuda/rows.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/rows.cuh': [
    ...alike(
      {
        cases: /^layer_norm(_backward)? \[(3,\d|65,11|5,257|35,3001|1100,65)\]$/,
        sources: ['layer_norm.cu'],
      },
      ['what is past a row', 'i + j >= 0 && i + j < n ? row.Get', 'i + j >= 0 ? row.Get'],
      [
        'fours that are not aligned',
        'if (i >= 0 && i + 4 <= n && row.IsFour(i)) {',
        'if (i >= 0 && i + 4 <= n) {',
      ],
      [
        'fours that are not whole',
        'if (i >= 0 && i + 4 <= n && row.IsFour(i)) return',
        'if (i >= 0 && i < n && row.IsFour(i)) return',
      ],
      ['the first group only', 'if (group > 0) {', 'if (group > 1) {'],
      ['no barrier between groups', 'if (Plan::kRows > 1) __syncthreads();', ''],
      ['pairs are read too early', 'room[warp][1] = b;\n      __syncthreads();\n', 'room[warp][1] = b;\n'],
      [
        'half a row',
        'i < kWarps; ++i) a +=',
        'i < kWarps / 2; ++i) a +=',
        { cases: /^layer_norm_backward \[35,3001\]$/, sources: ['layer_norm.cu'] },
      ],
      [
        'sums of long rows are not cleared',
        '      StoreFour(slab, i, n, {{0, 0, 0, 0}});\n',
        '',
        { cases: /^rms_norm_backward \[5,5003\] in 1$/, sources: ['rms_norm.cu'] },
      ],
      [
        'what is not held begins late',
        'Start(Plan::kHeld * Plan::kThreads + Plan::Lane()); i < n;',
        'Start(Plan::kHeld * Plan::kThreads + Plan::Lane() + 1); i < n;',
        { cases: /^rms_norm_backward \[5,5003\] in 1$/, sources: ['rms_norm.cu'] },
      ],
      [
        'what is before a row',
        'if (i + j >= 0 && i + j < n) row.Set',
        'if (i + j < n) row.Set',
        { cases: /^masked_softmax(_backward)? \[\d,\d\]$/, sources: ['masked_softmax.cu'] },
      ],
    ),
    [
      'sums are overwritten too early',
      'a += room[i][0], b += room[i][1];\n      __syncthreads();\n',
      'a += room[i][0], b += room[i][1];\n',
      { cases: /^layer_norm_backward \[35,3001\]$/, sources: ['layer_norm.cu'], races: true, work: 1e6 },
    ],
  ],
  'cuda/rows.cu': alike(
    { cases: /^layer_norm_backward \[(35,3001|1100,65|65,11|5,257)\]$/ },
    ['no barrier', 'room[part][lane] = sum;\n  __syncthreads();\n', 'room[part][lane] = sum;\n'],
    ['a warp short', 'i < kParts; ++i) sum', 'i < kParts - 1; ++i) sum'],
    ['slabs are skipped', 'slab += kParts', 'slab += kParts + 1'],
    ['the second sums in the first', 'second[column - n]', 'first[column - n]'],
    ['columns past the last', 'if (part != 0 || column >= width) return;', 'if (part != 0) return;'],
  ),
}
