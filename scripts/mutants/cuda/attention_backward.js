// Mutants of native/cuda/attention_backward.cuh and native/cuda/attention_backward.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/attention_backward.cuh': alike(
    {
      cases: /^attention_backward (1x65x1x7|bf16 1x65x1x8|bf16 1x67x2x48 dropout 0.3)$/,
      sources: ['attention_backward.cu', 'attention_backward_bf16.cu'],
    },
    ['lse of base e', '* static_cast<float>(kLog2E) : 0.0f', ': 0.0f'],
    ['statistics of queries past the last', 'i < count ? b.deltas[query + i] : 0.0f', 'b.deltas[query + i]'],
    ['deltas of the first', 'b.deltas[query + i]', 'b.deltas[query]'],
    [
      'masks of too few queries',
      'kQueries = kOfKeys ? Tile::kStreamed : Tile::kOwn',
      'kQueries = Tile::kStreamed',
    ],
  ),
  'cuda/attention_backward.cu': alike(
    {
      cases: /^attention_backward (1x3x1x7|1x33x1x7|1x65x1x7|2x17x2x5 dropout 0.5|1x11x2x33|2x25x6 on 2x5)$/,
    },
    ['no delta', '(slope * factor - delta)', '(slope * factor)'],
    ['no scale', ' - delta) * b.scale', ' - delta)'],
    ['a query does not see its own key', 'row - ahead > column ||', 'row - ahead >= column ||'],
    ['only the first of heads that share', 'h < (kOfKeys ? s.group : 1)', 'h < 1'],
    [
      'the first tile of queries is skipped',
      'begin = kOfKeys ? own : 0',
      'begin = kOfKeys ? own + Tile::kStreamed : 0',
    ],
    [
      'dropout turned',
      'kept.At(kOfKeys ? column : row, kOfKeys ? row : column)',
      'kept.At(kOfKeys ? row % 32 : column, kOfKeys ? column : row % 32)',
    ],
    [
      'no barrier between tiles',
      '      __syncthreads();  // the next tile overwrites',
      '      // the next tile overwrites',
    ],
    [
      'statistics of another head',
      'b, index * s.queries + met, columns',
      'b, number * s.queries + met, columns',
    ],
    ['deltas of 32 channels', 'c < s.head_size; c += kWarp', 'c < s.head_size; c += s.head_size'],
    ['the slopes are forgotten', '      Tile::StoreWeights(slopes, weights);\n', ''],
    [
      'the last part of the last tile of a head',
      'if (part + 1 < parts.count) {',
      'if (false) {',
      { cases: /^attention_backward 1x37x1x130 dropout/ },
    ],
    ['statistics of no one', 'if constexpr (!kOfKeys) {\n    Load', 'if constexpr (false) {\n    Load'],
  ),
}
