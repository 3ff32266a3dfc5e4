// Mutants of native/cuda/attention.cuh and native/cuda/attention.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/attention.cuh': [
    ...alike(
      {
        cases: /^attention (1x33x1x7|2x65x2x5 dropout 0.5|1x11x2x33|2x25x6 on 2x5)$/,
        sources: ['attention.cu'],
      },
      ['rows past the last', 'channel < width && first + n < rows', 'channel < width'],
      ['channels past the last', 'channel < width && first + n < rows', 'first + n < rows'],
      [
        'the mask begins with a block',
        'const unsigned at = begin % 4 + static_cast',
        'const unsigned at = static_cast',
      ],
      ['masks of one block only', '(first + query * stride) / 4 + block', '(first + query * stride) / 4'],
      ['lse of base 2', 'ShiftOf(top) * kLn2 + logf(sum)', 'ShiftOf(top) + logf(sum)'],
      ['scores of the first channels', 'd < width; d += 4', 'd + 4 < width; d += 4'],
      ['rows past the last are written', 'if (Row(i) >= rows) continue;', ''],
      [
        'weights are read too early',
        '= weights[i][j];\n    }\n    __syncwarp();\n',
        '= weights[i][j];\n    }\n',
      ],
    ),
    [
      'weights are written too early',
      'float* to) {\n    __syncwarp();\n',
      'float* to) {\n',
      {
        cases: /^attention_backward 1x3x1x7$|^attention_backward 1x33x1x7$/,
        sources: ['attention_backward.cu'],
        races: true,
      },
    ],
  ],
  'cuda/attention.cu': alike(
    { cases: /^attention (1x33x1x7|2x65x2x5 dropout 0.5|1x11x2x33|2x25x6 on 2x5|2x9x3x8 at 1 of 39)$/ },
    ['a key too many', 'Tile::Column(j) <= last ?', 'Tile::Column(j) <= last + 1 ?'],
    ['sums are not scaled down', 'sums[i][c] *= by;', 'sums[i][c] *= 1;'],
    ['a stale maximum', 'tops[i] = top;\n      totals', 'totals'],
    [
      'no barrier between tiles',
      '    __syncthreads();  // the next tile overwrites',
      '    // the next tile overwrites',
    ],
    [
      'heads share keys in another order',
      'head / s.group * s.head_size',
      'head % (s.heads / s.group) * s.head_size',
    ],
    [
      'dropout by another row',
      'kept.At(Tile::Row(i), Tile::Column(j))',
      'kept.At(Tile::Row(i) ^ 1, Tile::Column(j))',
    ],
    [
      'dropout before the total',
      'totals[i] += scores[i][j];',
      'totals[i] += scores[i][j] * (drop && !kept.At(Tile::Row(i), Tile::Column(j)) ? 0.0f : 1.0f);',
    ],
    [
      'the lse of a query past the last',
      'Tile::ColumnGroup() == 0 && Tile::Row(i) < rows',
      'Tile::ColumnGroup() == 0',
    ],
    [
      'the start is not seen',
      'const int64_t start = a.start != nullptr ? a.start[batch] : 0;',
      'const int64_t start = 0;',
    ],
    [
      'the slot is used as the start',
      'bad_start ? ValidateRange',
      'false ? ValidateRange',
      { cases: /^attention refuses/ },
    ],
    ['slots are not checked', '|| slot[i] < 0 || slot[i] > last_slot', '', { cases: /^attention refuses/ }],
    [
      'the last start is not allowed',
      'start[i] > last_start ||',
      'start[i] >= last_start ||',
      { cases: /^attention 1x1x1x7 at 0 of [1-3]$|^attention 1x1x2x7 at 1 of 2$/ },
    ],
    [
      'places are not checked',
      'if (p.cached) {\n    const Outcome',
      'if (false) {\n    const Outcome',
      { cases: /^attention refuses/ },
    ],
    [
      'no barrier between parts of a head',
      'if (c > 0) __syncthreads();',
      '',
      { cases: /^attention 1x37x1x130 dropout/, races: true, work: 1e6 },
    ],
    [
      'a part in the place of another',
      'a.y + at + own, s.channels',
      'a.y + at, s.channels',
      { cases: /^attention 1x37x1x130 dropout/ },
    ],
  ),
}
