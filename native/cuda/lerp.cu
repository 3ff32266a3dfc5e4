// lerp: y = a + weight · (b − a).
#include "cuda/kernels.h"
#include "cuda/quads.cuh"
#include "ops/lerp.h"

namespace nano::cuda {

Outcome RunLerp(const Call& call, Message& message) {
  const float weight = call.params->as<LerpParams>().weight;
  return Map(
      call, message, Output<float>(call, 0), [=] __device__(float a, float b) { return a + weight * (b - a); },
      Input<const float>(call, 0), Input<const float>(call, 1));
}

}  // namespace nano::cuda
