// accumulate: total += x.
#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

kernel void accumulate(device const Control& control [[buffer(0)]], constant uint& n [[buffer(1)]],
                       device float* total [[buffer(2)]], device const float* x [[buffer(3)]],
                       uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= n) return;
  StoreQuad(FloatsOut(total, 0u), i, n, LoadQuad(FloatsIn(total, 0u), i, n) + LoadQuad(FloatsIn(x, 1u), i, n));
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunAccumulate(const Call& call, Message& message) {
  return ForQuads(call, message, {"accumulate", "accumulate"}, {call.outputs[0], call.inputs[1]});
}

}  // namespace nano::metal
#endif
