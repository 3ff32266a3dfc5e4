// The logistic function, and what is made of its like.
#pragma once

#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

// σ(−|x|), the smaller of σ(x) and σ(−x), and the larger; σ(x) = 1 / (1 + e^−x). Both NaN for NaN.
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

// F(x) of a distribution with F(−x) = 1 − F(x), given `tail`, F(−|x|).
inline float4 Share(float4 x, float4 tail) { return select(tail, 1.0f - tail, x > 0); }

#endif
