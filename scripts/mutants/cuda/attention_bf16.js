// Mutants of native/cuda/attention_bf16.cu: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/attention_bf16.cu': alike(
    {
      cases:
        /^attention bf16 (1x65x1x8|1x129x1x8|2x130x2x5 dropout 0.5|2x67x6 on 2x8|scale -?\d.*|1x290x1x8)$/,
    },
    [
      'a key too many',
      'if (Tile::Column(j) > Tile::Row(i) + ahead)',
      'if (Tile::Column(j) > Tile::Row(i) + ahead + 1)',
    ],
    [
      'no mask where one is wanted',
      'Tile::FirstRow() + ahead < Tile::kStreamed - 1',
      'Tile::FirstRow() + ahead < 0',
    ],
    [
      'sums are not scaled down',
      'sums[i][c] *= by;\n#pragma unroll\n      for (int j',
      'sums[i][c] *= 1;\n#pragma unroll\n      for (int j',
    ],
    ['a stale maximum', 'tops[i] = top;\n      totals', 'totals'],
    ['lse without the scale', 'LogSumExp(tops[i] * scale, total)', 'LogSumExp(tops[i], total)'],
    ['a scale of 0', 'fmaxf(fabsf(a.binary_scale), 1e-30f)', 'fabsf(a.binary_scale)'],
    ['a negative scale', 'if (key == 0 && a.binary_scale < 0)', 'if (false)'],
    ['the sign of every tile', 'if (key == 0 && a.binary_scale < 0)', 'if (a.binary_scale < 0)'],
    ['warps skip a tile that they see', '+ Tile::kWarpRows <= key) continue;', '<= key) continue;'],
    ['dropout is not rescaled', 'a.dropout.rng != nullptr ? a.dropout.rule.scale : 1.0f', '1.0f'],
    [
      'dropout of other rows',
      'kept.At(Tile::Row(i), Tile::Column(j))',
      'kept.At(Tile::Row(i) ^ 1, Tile::Column(j))',
    ],
    [
      'the mask of the first tile',
      '(number * s.queries + query) * static_cast<uint64_t>(s.keys) + key;',
      '(number * s.queries + query) * static_cast<uint64_t>(s.keys);',
    ],
    [
      'heads share keys in another order',
      'head / s.group * s.head_size',
      'head % (s.heads / s.group) * s.head_size',
    ],
    ['copies are not waited for', '    ptx::cp_async_wait<0>();\n', ''],
    ['no barrier between tiles', '    __syncthreads();  // all copies', '    // all copies'],
    ['one place for all tiles', 'key / Tile::kStreamed % 2 * stage_bytes', '0 * key * stage_bytes'],
  ),
}
