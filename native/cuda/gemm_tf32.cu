// Matrix products of f32 whose operands are rounded to tf32 when they are loaded from shared
// memory.
#include "cuda/gemm_tensor.cuh"

namespace nano::cuda {

Outcome MultiplyTf32(const Call& call, Message& message, Work work, Tile tile) {
  return MultiplyTensor<float>(call, message, work, tile);
}

}  // namespace nano::cuda
