// scale: y = factor · x.
#include "metal/kernel.h"

struct ScaleArguments {
  uint32_t n;
  float factor;
};

#if defined(__METAL_VERSION__)

kernel void scale(device const Control& control [[buffer(0)]], constant ScaleArguments& arguments [[buffer(1)]],
                  device float* y [[buffer(2)]], device const float* x [[buffer(3)]],
                  uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index, n = arguments.n;
  if (Stopped(control) || i >= n) return;
  StoreQuad(FloatsOut(y, 0u), i, n, arguments.factor * LoadQuad(FloatsIn(x, 1u), i, n));
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/scale.h"

namespace nano::metal {

Outcome RunScale(const Call& call, Message& message) {
  const int64_t n = OutputShape(call, 0).elements();
  return Launch(call, message, GridOfQuads(n), {"scale", "scale"}, {},
                ScaleArguments{static_cast<uint32_t>(n), call.params->as<ScaleParams>().factor},
                {call.outputs[0], call.inputs[0]});
}

}  // namespace nano::metal
#endif
