// Adds up the slabs of sums that threadgroups have computed.
#include "metal/kernel.h"

struct SlabArguments {
  uint32_t slabs, n, width;
};

#if defined(__METAL_VERSION__)

constant constexpr uint kParts = 8;

// A threadgroup sums 32 columns. Each of its eight simdgroups adds every eighth slab, and the first
// one adds up their sums.
kernel void sum_slabs(device const Control& control [[buffer(0)]], constant SlabArguments& arguments [[buffer(1)]],
                      device float* first [[buffer(2)]], device float* second [[buffer(3)]],
                      device const float* sums [[buffer(4)]], uint group [[threadgroup_position_in_grid]],
                      uint lane [[thread_index_in_simdgroup]], uint part [[simdgroup_index_in_threadgroup]]) {
  threadgroup float room[kParts][kSimd];
  if (Stopped(control)) return;
  const uint column = group * kSimd + lane, width = arguments.width;
  float sum = 0;
  if (column < width) {
    for (uint slab = part; slab < arguments.slabs; slab += kParts) sum += sums[slab * width + column];
  }
  room[part][lane] = sum;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (part != 0 || column >= width) return;
  for (uint i = 1; i < kParts; ++i) sum += room[i][lane];
  if (column < arguments.n) {
    first[column] = sum;
  } else {
    second[column - arguments.n] = sum;
  }
}

#else  // the host's part
#include "metal/rows.h"

namespace nano::metal {

Outcome SumSlabs(const Call& call, Message& message, const float* sums, int64_t slabs, int64_t n, const void* first,
                 const void* second) {
  constexpr int kColumns = 32, kThreads = 256;
  const int64_t width = second == nullptr ? n : 2 * n;
  const SlabArguments arguments = {static_cast<uint32_t>(slabs), static_cast<uint32_t>(n),
                                   static_cast<uint32_t>(width)};
  return Launch(call, message, {DivideUp(width, kColumns), kThreads}, {"rows", "sum_slabs"}, {}, arguments,
                {first, second == nullptr ? first : second, sums});
}

}  // namespace nano::metal
#endif
