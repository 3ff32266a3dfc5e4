// lerp: y = a + weight · (b − a).
#include "metal/kernel.h"

struct LerpArguments {
  uint32_t n;
  float weight;
};

#if defined(__METAL_VERSION__)

kernel void lerp(device const Control& control [[buffer(0)]], constant LerpArguments& arguments [[buffer(1)]],
                 device float* y [[buffer(2)]], device const float* a [[buffer(3)]],
                 device const float* b [[buffer(4)]], uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index, n = arguments.n;
  if (Stopped(control) || i >= n) return;
  const float4 from = LoadQuad(FloatsIn(a, 1u), i, n), to = LoadQuad(FloatsIn(b, 2u), i, n);
  StoreQuad(FloatsOut(y, 0u), i, n, from + arguments.weight * (to - from));
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/lerp.h"

namespace nano::metal {

Outcome RunLerp(const Call& call, Message& message) {
  const int64_t n = OutputShape(call, 0).elements();
  return Launch(call, message, GridOfQuads(n), {"lerp", "lerp"}, {},
                LerpArguments{static_cast<uint32_t>(n), call.params->as<LerpParams>().weight},
                {call.outputs[0], call.inputs[0], call.inputs[1]});
}

}  // namespace nano::metal
#endif
