// cast: f32 to bf16, or back.
#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

kernel void cast(device const Control& control [[buffer(0)]], constant uint& n [[buffer(1)]],
                 device float* y [[buffer(2)]], device const float* x [[buffer(3)]],
                 uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= n) return;
  StoreQuad(FloatsOut(y, 0u), i, n, LoadQuad(FloatsIn(x, 1u), i, n));
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunCast(const Call& call, Message& message) {
  return ForQuads(call, message, {"cast", "cast"}, {call.outputs[0], call.inputs[0]});
}

}  // namespace nano::metal
#endif
