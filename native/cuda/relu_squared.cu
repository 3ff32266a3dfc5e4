// relu_squared and its gradient.
#include "cuda/kernels.h"
#include "cuda/quads.cuh"

namespace nano::cuda {
namespace {

// Keeps NaN.
__device__ __forceinline__ float Relu(float x) { return x <= 0 ? 0.0f : x; }

}  // namespace

Outcome RunReluSquared(const Call& call, Message& message) {
  return Map(
      call, message, FloatOutput(call, 0), [] __device__(float x) { return Relu(x) * Relu(x); }, FloatInput(call, 0));
}

Outcome RunReluSquaredBackward(const Call& call, Message& message) {
  return Map(
      call, message, FloatOutput(call, 0), [] __device__(float x, float dy) { return (Relu(x) + Relu(x)) * dy; },
      FloatInput(call, 0), FloatInput(call, 1));
}

}  // namespace nano::cuda
