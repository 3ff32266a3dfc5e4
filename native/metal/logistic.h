// The logistic function, and a helper for symmetric distribution functions.
#pragma once

#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

// The smaller and the larger of σ(x) and σ(−x), where σ(x) = 1 / (1 + e^−x): σ(−|x|) and σ(|x|).
// Both are NaN for NaN.
struct Logistic {
  float4 smaller, larger;
};
inline Logistic Sigmoids(float4 x) {
  const float4 e = exp(-fabs(x));
  Logistic logistic;
  logistic.larger = 1.0f / (1.0f + e);
  logistic.smaller = e * logistic.larger;
  return logistic;
}

// F(x) for a distribution function with F(−x) = 1 − F(x), given `tail` = F(−|x|).
inline float4 Share(float4 x, float4 tail) { return select(tail, 1.0f - tail, x > 0); }

#endif
