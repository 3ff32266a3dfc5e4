// Adds the sums of slabs.
#include "cuda/rows.cuh"

namespace nano::cuda {
namespace {

constexpr int kColumns = kWarp, kParts = 8;

// A block sums 32 columns. Each of its eight warps adds every eighth slab; the first warp then adds
// the sums of the warps.
__global__ void __launch_bounds__(kColumns* kParts) SlabKernel(const Control* control, const float* sums, int64_t slabs,
                                                               int64_t n, int64_t width, float* first, float* second) {
  __shared__ float room[kParts][kColumns];
  if (Stopped(control)) return;
  const int lane = static_cast<int>(threadIdx.x) % kColumns, part = static_cast<int>(threadIdx.x) / kColumns;
  const int64_t column = static_cast<int64_t>(blockIdx.x) * kColumns + lane;
  float sum = 0;
  if (column < width) {
    for (int64_t slab = part; slab < slabs; slab += kParts) sum += sums[slab * width + column];
  }
  room[part][lane] = sum;
  __syncthreads();
  if (part != 0 || column >= width) return;
  for (int i = 1; i < kParts; ++i) sum += room[i][lane];
  (column < n ? first[column] : second[column - n]) = sum;
}

}  // namespace

Outcome SumSlabs(const Call& call, Message& message, const float* sums, int64_t slabs, int64_t n, float* first,
                 float* second) {
  const int64_t width = second == nullptr ? n : 2 * n;
  return Launch(call, message, {DivideUp(width, kColumns), kColumns * kParts}, SlabKernel, call.control, sums, slabs, n,
                width, first, second);
}

}  // namespace nano::cuda
