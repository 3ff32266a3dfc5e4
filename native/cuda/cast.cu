// cast: f32 to bf16, or back.
#include "cuda/kernels.h"
#include "cuda/quads.cuh"

namespace nano::cuda {

Outcome RunCast(const Call& call, Message& message) {
  return Map(
      call, message, FloatOutput(call, 0), [] __device__(float x) { return x; }, FloatInput(call, 0));
}

}  // namespace nano::cuda
