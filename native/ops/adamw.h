// Parameters and formulas of adamw. The order of operations is that of PyTorch's AdamW.
#pragma once

#include <math.h>

#include <cstdint>

#include "engine/inline.h"

namespace nano {

struct AdamwParams {
  double beta1, beta2, epsilon, weight_decay;
};

// The values of one step that all elements share.
struct AdamwStep {
  float gradient_scale, decay, beta1_rest, beta2, beta2_rest, root_correction2, epsilon, step_size;
};

// base^exponent by repeated squaring, which gives the same bits on every platform.
NANO_INLINE double Power(double base, uint32_t exponent) {
  double power = 1;
  for (; exponent != 0; exponent >>= 1, base *= base) {
    if (exponent & 1) power *= base;
  }
  return power;
}

NANO_INLINE AdamwStep MakeAdamwStep(const AdamwParams& p, int32_t step, float learning_rate, float gradient_scale) {
  const double rate = learning_rate;
  const double correction1 = 1 - Power(p.beta1, static_cast<uint32_t>(step));
  const double correction2 = 1 - Power(p.beta2, static_cast<uint32_t>(step));
  AdamwStep s;
  s.gradient_scale = gradient_scale;
  s.decay = static_cast<float>(1 - rate * p.weight_decay);
  s.beta1_rest = static_cast<float>(1 - p.beta1);
  s.beta2 = static_cast<float>(p.beta2);
  s.beta2_rest = static_cast<float>(1 - p.beta2);
  s.root_correction2 = static_cast<float>(sqrt(correction2));
  s.epsilon = static_cast<float>(p.epsilon);
  s.step_size = static_cast<float>(rate / correction1);
  return s;
}

NANO_INLINE void AdamwUpdate(const AdamwStep& s, float gradient, float& parameter, float& m, float& v) {
  const float g = gradient * s.gradient_scale;
  parameter *= s.decay;
  m += s.beta1_rest * (g - m);
  v = v * s.beta2 + s.beta2_rest * g * g;
  parameter -= s.step_size * (m / (sqrtf(v) / s.root_correction2 + s.epsilon));
}

}  // namespace nano
