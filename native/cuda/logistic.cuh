// The logistic function, and a helper for distributions that are symmetric like it.
#pragma once

#include "cuda/kernel.cuh"

namespace nano::cuda {

// The smaller and the larger of σ(x) and σ(−x), where σ(x) = 1 / (1 + e^−x). The smaller is
// σ(−|x|). Both are NaN if x is.
struct Logistic {
  float smaller, larger;
};
__device__ __forceinline__ Logistic Sigmoids(float x) {
  const float e = expf(-fabsf(x));
  const float larger = __fdividef(1.0f, 1.0f + e);
  return {e * larger, larger};
}

// F(x) of a distribution with F(−x) = 1 − F(x), given `tail` = F(−|x|).
__device__ __forceinline__ float Share(float x, float tail) { return x > 0 ? 1.0f - tail : tail; }

}  // namespace nano::cuda
