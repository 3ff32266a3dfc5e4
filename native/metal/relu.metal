// relu and its gradient. A NaN is not ≤ 0, so it stays a NaN.
#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

kernel void relu(device const Control& control [[buffer(0)]], constant uint& n [[buffer(1)]],
                 device float* y [[buffer(2)]], device const float* x [[buffer(3)]],
                 uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= n) return;
  const float4 value = LoadQuad(FloatsIn(x, 1u), i, n);
  StoreQuad(FloatsOut(y, 0u), i, n, select(value, float4(0), value <= 0));
}

kernel void relu_backward(device const Control& control [[buffer(0)]], constant uint& n [[buffer(1)]],
                          device float* dx [[buffer(2)]], device const float* y [[buffer(3)]],
                          device const float* dy [[buffer(4)]], uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= n) return;
  const float4 value = LoadQuad(FloatsIn(y, 1u), i, n), gradient = LoadQuad(FloatsIn(dy, 2u), i, n);
  StoreQuad(FloatsOut(dx, 0u), i, n, select(float4(0), gradient, value > 0));
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunRelu(const Call& call, Message& message) {
  return ForQuads(call, message, {"relu", "relu"}, {call.outputs[0], call.inputs[0]});
}

Outcome RunReluBackward(const Call& call, Message& message) {
  return ForQuads(call, message, {"relu", "relu_backward"}, {call.outputs[0], call.inputs[0], call.inputs[1]});
}

}  // namespace nano::metal
#endif
