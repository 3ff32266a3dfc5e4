// What dropout and dropout_add share: four elements and the four words of random numbers that they have together.
#pragma once

#include "cuda/quads.cuh"
#include "ops/philox.h"

namespace nano::cuda {

// The quad as it is after the dropout, elements i to i + 3. What isn't kept becomes 0, even a NaN.
__device__ __forceinline__ Quad Dropped(const Quad& x, const DropoutRule& rule, const RandomStream& random, int64_t i) {
  static_assert(kQuad == sizeof(PhiloxBlock::word) / sizeof(uint32_t));
  const PhiloxBlock block = random.Block(static_cast<uint64_t>(i) / kQuad);
  Quad y;
#pragma unroll
  for (int k = 0; k < kQuad; ++k) y.at[k] = block.word[k] >= rule.threshold ? x.at[k] * rule.scale : 0.0f;
  return y;
}

}  // namespace nano::cuda
