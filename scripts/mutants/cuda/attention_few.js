// Mutants of native/cuda/attention_few.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/attention_few.cu': alike(
    {
      cases:
        /^attention (1x3x1x7|2x3x2 on 1x5|2x3x2x5 at 5 of 19 dropout 0.4|1x1x1x9 at 2.. of 300|1x3x1x9 at 2.. of 300|3x3x4 on 2x7 at .*|1x3x2x32)$/,
    },
    ['a key too few', 'seen[r] = start + t + 1;', 'seen[r] = start + t;'],
    [
      'keys past the last',
      'k[u] = load(a.k + from + key * s.kv_channels, key < end);',
      'k[u] = load(a.k + from + key * s.kv_channels, true);',
    ],
    [
      'totals of other maxima',
      'total = fmaf(all_totals[g][r], by, total);',
      'total = fmaf(all_totals[g][r], 1.0f, total);',
    ],
    [
      'no barrier',
      '    all_sums[group][r][channel(3)] = sums[r].w;\n  }\n  __syncthreads();\n',
      '    all_sums[group][r][channel(3)] = sums[r].w;\n  }\n',
    ],
    ['splits overlap', 'Smaller()(begin + split.keys, most)', 'Smaller()(begin + split.keys + 1, most)'],
    [
      'the last split is skipped',
      'for (int64_t i = 0; i < split.count; ++i) {',
      'for (int64_t i = 0; i < split.count - 1; ++i) {',
    ],
    [
      'dropout of another key',
      'index[r] * static_cast<uint64_t>(s.keys) + key',
      'index[r] * static_cast<uint64_t>(s.keys) + key + 1',
    ],
    ['a stale maximum', 'tops[r] = top;\n      totals', 'totals'],
    ['the last of many rows is not written', 'if (row + r >= count ||', 'if (row + r + 1 >= count ||'],
    ['the slot is not seen', '(a.slot != nullptr ? a.slot[batch] : batch)', 'batch'],
    [
      'scratch for one float less',
      'splits * (s.head_size + 2)) * sizeof',
      'splits * (s.head_size + 1)) * sizeof',
    ],
  ),
}
