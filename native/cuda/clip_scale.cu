// clip_scale: the factor that scales a norm down to max_norm.
#include "cuda/kernels.h"
#include "ops/clip_scale.h"

namespace nano::cuda {

Outcome RunClipScale(const Call& call, Message& message) {
  const double max_norm = call.params->as<ClipScaleParams>().max_norm;
  const float* norm = Input<const float>(call, 0);
  float* scale = Output<float>(call, 0);
  return ForElements(call, message, 1, [=] __device__(int64_t) { *scale = ClipScale(*norm, max_norm); });
}

}  // namespace nano::cuda
