// Mutants of native/cuda/attention_backward_bf16.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/attention_backward_bf16.cu': alike(
    {
      cases:
        /^attention_backward bf16 (1x65x1x8|1x129x1x8|1x67x2x48 dropout 0.3|1x67x2x128 dropout 0.3|2x67x6 on 2x8|1x290x1x8)$/,
    },
    ['no delta', 'scores[i][j] * (slopes[i][j] - deltas[At(i, j)])', 'scores[i][j] * slopes[i][j]'],
    ['no scale', 'sums_a[i][c] *= b.scale;', ';'],
    ['a query does not see its own key', 'row - ahead > column ||', 'row - ahead >= column ||'],
    ['a query sees the next key', 'column - ahead > row) scores', 'column - ahead > row + 1) scores'],
    [
      'no mask where one is wanted',
      'Tile::FirstRow() + Tile::kWarpRows - 1 <= ahead',
      'Tile::FirstRow() <= ahead',
    ],
    [
      'no mask for keys ahead',
      'return Tile::kStreamed - 1 - ahead <= Tile::FirstRow();',
      'return -ahead <= Tile::FirstRow();',
    ],
    [
      'warps skip a tile that they see',
      ': -ahead > Tile::FirstRow() + Tile::kWarpRows - 1',
      ': -ahead > Tile::FirstRow() - 1',
    ],
    [
      'dropout turned',
      'kept.At(kOfKeys ? column : row, kOfKeys ? row : column)',
      'kept.At(kOfKeys ? row % 32 : column % 32, kOfKeys ? column : row)',
    ],
    ['dropout for one gradient only', 'scores[i][j] *= factor;', ''],
    ['lse of base e', '? b.lse[query] * static_cast<float>(kLog2E) : 0.0f', '? b.lse[query] : 0.0f'],
    ['only the first of heads that share', 'static_cast<int>(kOfKeys ? s.group : 1) * tiles', 'tiles'],
    [
      'statistics of another head',
      'b, met.index * s.queries + met.first, columns',
      'b, number * s.queries + met.first, columns',
    ],
    [
      'queries before the first key are visited',
      'begin = kOfKeys ? own : 0',
      'begin = kOfKeys ? own + Tile::kStreamed : 0',
    ],
    ['copies are not waited for', '    ptx::cp_async_wait<0>();\n', ''],
    ['no barrier between tiles', '    __syncthreads();  // all copies', '    // all copies'],
    ['one place for all tiles', 'n % 2 * stage_bytes', '0 * n * stage_bytes'],
  ),
}
