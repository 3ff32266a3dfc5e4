// soft_cap and its gradient.
#include "cuda/kernels.h"
#include "cuda/quads.cuh"
#include "ops/soft_cap.h"

namespace nano::cuda {

Outcome RunSoftCap(const Call& call, Message& message) {
  const float cap = call.params->as<SoftCapParams>().cap;
  return Map(
      call, message, Output<float>(call, 0), [=] __device__(float x) { return cap * tanhf(x / cap); },
      Input<const float>(call, 0));
}

Outcome RunSoftCapBackward(const Call& call, Message& message) {
  const float cap = call.params->as<SoftCapParams>().cap;
  return Map(
      call, message, Output<float>(call, 0),
      [=] __device__(float y, float dy) {
        const float tanh = y / cap;
        return dy * ((1.0f - tanh) * (1.0f + tanh));
      },
      Input<const float>(call, 0), Input<const float>(call, 1));
}

}  // namespace nano::cuda
