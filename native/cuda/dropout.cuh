// Shared by dropout and dropout_add: four elements use the four words of one Philox block.
#pragma once

#include "cuda/quads.cuh"
#include "ops/philox.h"

namespace nano::cuda {

// Applies dropout to elements i to i + 3. A dropped element becomes 0, even if it is NaN.
__device__ __forceinline__ Quad Dropped(const Quad& x, const DropoutRule& rule, const RandomStream& random, int64_t i) {
  static_assert(kQuad == sizeof(PhiloxBlock::word) / sizeof(uint32_t));
  const PhiloxBlock block = random.Block(static_cast<uint64_t>(i) / kQuad);
  Quad y;
#pragma unroll
  for (int k = 0; k < kQuad; ++k) y.at[k] = block.word[k] >= rule.threshold ? x.at[k] * rule.scale : 0.0f;
  return y;
}

}  // namespace nano::cuda
