// swiglu and its gradient.
#include "metal/logistic.h"
#if defined(__METAL_VERSION__)

kernel void swiglu(device const Control& control [[buffer(0)]], constant uint& n [[buffer(1)]],
                   device float* y [[buffer(2)]], device const float* gate [[buffer(3)]],
                   device const float* up [[buffer(4)]], uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= n) return;
  const float4 x = LoadQuad(FloatsIn(gate, 1u), i, n), factor = LoadQuad(FloatsIn(up, 2u), i, n);
  StoreQuad(FloatsOut(y, 0u), i, n, x * Share(x, Sigmoids(x).smaller) * factor);
}

// silu′ = σ(x) + x·σ(x)·σ(−x).
kernel void swiglu_backward(device const Control& control [[buffer(0)]], constant uint& n [[buffer(1)]],
                            device float* dgate [[buffer(2)]], device float* dup [[buffer(3)]],
                            device const float* gate [[buffer(4)]], device const float* up [[buffer(5)]],
                            device const float* dy [[buffer(6)]], uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= n) return;
  const float4 x = LoadQuad(FloatsIn(gate, 2u), i, n), factor = LoadQuad(FloatsIn(up, 3u), i, n);
  const float4 gradient = LoadQuad(FloatsIn(dy, 4u), i, n);
  const Logistic logistic = Sigmoids(x);
  const float4 share = Share(x, logistic.smaller);
  StoreQuad(FloatsOut(dgate, 0u), i, n, gradient * factor * fma(x * logistic.smaller, logistic.larger, share));
  StoreQuad(FloatsOut(dup, 1u), i, n, gradient * (x * share));
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunSwiglu(const Call& call, Message& message) {
  return ForQuads(call, message, {"swiglu", "swiglu"}, {call.outputs[0], call.inputs[0], call.inputs[1]});
}

Outcome RunSwigluBackward(const Call& call, Message& message) {
  return ForQuads(call, message, {"swiglu", "swiglu_backward"},
                  {call.outputs[0], call.outputs[1], call.inputs[0], call.inputs[1], call.inputs[2]});
}

}  // namespace nano::metal
#endif
