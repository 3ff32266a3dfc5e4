// relu_squared and its gradient. A NaN is not ≤ 0, so it stays a NaN.
#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

inline float4 Relu(float4 x) { return select(x, float4(0), x <= 0); }

kernel void relu_squared(device const Control& control [[buffer(0)]], constant uint& n [[buffer(1)]],
                         device float* y [[buffer(2)]], device const float* x [[buffer(3)]],
                         uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= n) return;
  const float4 value = Relu(LoadQuad(FloatsIn(x, 1u), i, n));
  StoreQuad(FloatsOut(y, 0u), i, n, value * value);
}

kernel void relu_squared_backward(device const Control& control [[buffer(0)]], constant uint& n [[buffer(1)]],
                                  device float* dx [[buffer(2)]], device const float* x [[buffer(3)]],
                                  device const float* dy [[buffer(4)]], uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= n) return;
  const float4 value = Relu(LoadQuad(FloatsIn(x, 1u), i, n)), gradient = LoadQuad(FloatsIn(dy, 2u), i, n);
  StoreQuad(FloatsOut(dx, 0u), i, n, (value + value) * gradient);
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunReluSquared(const Call& call, Message& message) {
  return ForQuads(call, message, {"relu_squared", "relu_squared"}, {call.outputs[0], call.inputs[0]});
}

Outcome RunReluSquaredBackward(const Call& call, Message& message) {
  return ForQuads(call, message, {"relu_squared", "relu_squared_backward"},
                  {call.outputs[0], call.inputs[0], call.inputs[1]});
}

}  // namespace nano::metal
#endif
