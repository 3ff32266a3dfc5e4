// Mutants of native/cuda/floats.cuh: see cuda.js.

const { alike } = require('../alike')

module.exports = {
  'cuda/floats.cuh': alike(
    { cases: /^(relu|layer_norm) .* bf16/, sources: ['relu.cu', 'layer_norm.cu'] },
    ['fours of bf16 read as f32', 'bf16 ? ToFloat(At<Bf16Four>(i)) : ', ''],
    ['fours of f32 read as bf16', 'bf16 ? ToFloat(At<Bf16Four>(i))', 'true ? ToFloat(At<Bf16Four>(i))'],
    ['the third of four twice', 'HighHalf(four.back)', 'LowHalf(four.back)'],
    ['the last of four twice', 'ptx::pack_bf16(value.z, value.w)', 'ptx::pack_bf16(value.w, value.w)'],
    ['fours that are not aligned', '(bf16 ? sizeof(Bf16Four) : sizeof(float4))', '(bf16 ? 2 : 4)'],
    ['single elements are f32', 'bf16 ? ToFloat(At<__nv_bfloat16>(i)) : ', ''],
    ['elements of bf16 are as far apart as of f32', 'i * (bf16 ? 2 : 4)', 'i * 4'],
    ['all is f32', 'tensor.spec->dtype == Dtype::kBf16', 'false'],
  ),
}
