// soft_cap and its gradient.
#include "metal/kernel.h"

struct SoftCapArguments {
  uint32_t n;
  float cap;
};

#if defined(__METAL_VERSION__)

kernel void soft_cap(device const Control& control [[buffer(0)]], constant SoftCapArguments& arguments [[buffer(1)]],
                     device float* y [[buffer(2)]], device const float* x [[buffer(3)]],
                     uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index, n = arguments.n;
  if (Stopped(control) || i >= n) return;
  const float4 value = LoadQuad(FloatsIn(x, 1u), i, n);
  StoreQuad(FloatsOut(y, 0u), i, n, arguments.cap * precise::tanh(value / arguments.cap));
}

kernel void soft_cap_backward(device const Control& control [[buffer(0)]],
                              constant SoftCapArguments& arguments [[buffer(1)]], device float* dx [[buffer(2)]],
                              device const float* y [[buffer(3)]], device const float* dy [[buffer(4)]],
                              uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index, n = arguments.n;
  if (Stopped(control) || i >= n) return;
  const float4 tanh = LoadQuad(FloatsIn(y, 1u), i, n) / arguments.cap, gradient = LoadQuad(FloatsIn(dy, 2u), i, n);
  StoreQuad(FloatsOut(dx, 0u), i, n, gradient * ((1.0f - tanh) * (1.0f + tanh)));
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/soft_cap.h"

namespace nano::metal {
namespace {

Outcome Run(const Call& call, Message& message, const char* name, Operands operands) {
  const int64_t n = OutputShape(call, 0).elements();
  return Launch(call, message, GridOfQuads(n), {"soft_cap", name}, {},
                SoftCapArguments{static_cast<uint32_t>(n), call.params->as<SoftCapParams>().cap}, operands);
}

}  // namespace

Outcome RunSoftCap(const Call& call, Message& message) {
  return Run(call, message, "soft_cap", {call.outputs[0], call.inputs[0]});
}

Outcome RunSoftCapBackward(const Call& call, Message& message) {
  return Run(call, message, "soft_cap_backward", {call.outputs[0], call.inputs[0], call.inputs[1]});
}

}  // namespace nano::metal
#endif
