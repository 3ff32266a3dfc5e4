// relu and its gradient.
#include "cuda/kernels.h"
#include "cuda/quads.cuh"

namespace nano::cuda {

// NaN is not ≤ 0, so it is kept.
Outcome RunRelu(const Call& call, Message& message) {
  return Map(
      call, message, FloatOutput(call, 0), [] __device__(float x) { return x <= 0 ? 0.0f : x; }, FloatInput(call, 0));
}

Outcome RunReluBackward(const Call& call, Message& message) {
  return Map(
      call, message, FloatOutput(call, 0), [] __device__(float y, float dy) { return y > 0 ? dy : 0.0f; },
      FloatInput(call, 0), FloatInput(call, 1));
}

}  // namespace nano::cuda
