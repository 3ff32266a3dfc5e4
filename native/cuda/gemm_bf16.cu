// Matrix products of bf16.
#include "cuda/gemm_tensor.cuh"

namespace nano::cuda {

Outcome MultiplyBf16(const Call& call, Message& message, Work work, Tile tile) {
  return MultiplyTensor<__nv_bfloat16>(call, message, work, tile);
}

}  // namespace nano::cuda
