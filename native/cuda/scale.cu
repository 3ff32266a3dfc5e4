// scale: y = factor · x.
#include "cuda/kernels.h"
#include "cuda/quads.cuh"
#include "ops/scale.h"

namespace nano::cuda {

Outcome RunScale(const Call& call, Message& message) {
  const float factor = call.params->as<ScaleParams>().factor;
  return Map(
      call, message, Output<float>(call, 0), [=] __device__(float x) { return factor * x; },
      Input<const float>(call, 0));
}

}  // namespace nano::cuda
