// Mutants of native/cuda/gemm_parts.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/gemm_parts.cuh': alike(
    { gemm: ['f32 17 x 15 x 31', 'f32 33 x 65 x 17'], sources: ['gemm_f32.cu'] },
    ['terms past the last', 'last < work.k ? last : work.k};', 'last};'],
    [
      'groups of tiles are never short',
      'above + in_group % rows, in_group',
      'above + in_group % kGroup, in_group',
    ],
    ['c is not added to', 'if (target.accumulate || !turn.first) {', 'if (!turn.first) {'],
    ['columns past the last', 'if (i < left) c[i] = Rounded<C>(sums[i]);', 'c[i] = Rounded<C>(sums[i]);'],
    ['rows past the last', 'if (row >= work.m || column >= work.n) return;', 'if (column >= work.n) return;'],
    [
      'pieces of 16 bytes of any size',
      'return operand.stride % piece == 0 && operand.step % piece == 0 && (operand.across ? sides : terms) % piece == 0 &&\n         ',
      'return operand.step + sides + terms + piece != 0 && ',
    ],
    [
      'all parts go to one place',
      'static_cast<int64_t>(blockIdx.y) * target.part_step',
      '0 * target.part_step',
      { gemm: ['f32 1 x 9 x 4200'], sources: ['gemm_thin.cu'] },
    ],
    [
      'all matrices are the first',
      'place.matrix * operand.step + side',
      '0 * operand.step + side',
      { gemm: ['f32 5 x 17 x 9'], sources: ['gemm_thin.cu'] },
    ],
    [
      'the bias in every turn',
      'if (turn.last && target.bias != nullptr) {',
      'if (target.bias != nullptr) {',
      { gemm: ['f32 9 x 12 x 1100'], sources: ['gemm_f32.cu'] },
    ],
    [
      'relu hides a NaN',
      'sums[i] = sums[i] < 0 ? 0 : sums[i];',
      'sums[i] = sums[i] > 0 ? sums[i] : 0;',
      { cases: /^linear .*NaN/, sources: ['gemm_f32.cu', 'gemm_thin.cu'] },
    ],
  ),
}
