#include "cuda/gemm_parts.cuh"
namespace nano::cuda {
Outcome MultiplyTf32(const Call&, Message&, Work, Tile) { return Outcome::kUnsupported; }
Outcome MultiplyBf16(const Call&, Message&, Work, Tile) { return Outcome::kUnsupported; }
}  // namespace nano::cuda
