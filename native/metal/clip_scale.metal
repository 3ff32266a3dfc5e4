// clip_scale: the factor that brings a norm down to its limit.
#include "metal/double_float.h"

struct ClipScaleArguments {
  DoubleFloat max_norm;
  uint32_t bounded;
};

#if defined(__METAL_VERSION__)

kernel void clip_scale(device const Control& control [[buffer(0)]],
                       constant ClipScaleArguments& arguments [[buffer(1)]], device float* scale [[buffer(2)]],
                       device const float* norm [[buffer(3)]]) {
  if (Stopped(control)) return;
  const float value = *norm;
  const uint magnitude = as_type<uint>(value) & 0x7FFFFFFFu;
  const DoubleFloat max_norm = arguments.max_norm, divisor = Add(Pair(1e-6f), value);
  const bool within = ToFloat(Add(max_norm, Negated(divisor))) >= 0;
  if (magnitude > 0x7F800000u) {
    *scale = value;  // a NaN stays a NaN
  } else if (arguments.bounded == 0) {
    *scale = 1;
  } else if (magnitude == 0x7F800000u) {
    *scale = 0;
  } else {
    *scale = within ? 1.0f : ToFloat(Divide(max_norm, divisor));
  }
}

#else  // the host's part
#include <cfloat>
#include <cmath>

#include "metal/kernels.h"
#include "ops/clip_scale.h"

namespace nano::metal {

Outcome RunClipScale(const Call& call, Message& message) {
  const double max_norm = call.params->as<ClipScaleParams>().max_norm;
  const ClipScaleArguments arguments = {Split(std::fmin(max_norm, FLT_MAX)), std::isfinite(max_norm)};
  return Launch(call, message, {1, 1}, {"clip_scale", "clip_scale"}, {}, arguments, {call.outputs[0], call.inputs[0]});
}

}  // namespace nano::metal
#endif
