// tril_mean: row t is 1 / (t + 1) up to column t, and 0 after it.
#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

kernel void tril_mean(device const Control& control [[buffer(0)]], constant uint& length [[buffer(1)]],
                      device float* y [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  if (Stopped(control) || i >= length * length) return;
  const uint t = i / length, j = i - t * length;
  y[i] = j <= t ? 1.0f / float(t + 1) : 0.0f;
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunTrilMean(const Call& call, Message& message) {
  const int64_t length = OutputShape(call, 0)[0];
  return Launch(call, message, GridOfElements(length * length), {"tril_mean", "tril_mean"}, {},
                static_cast<uint32_t>(length), {call.outputs[0]});
}

}  // namespace nano::metal
#endif
