// copy: y = x for any dtype.
#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

// 16 bytes per thread. The last thread copies what is left.
kernel void copy(device const Control& control [[buffer(0)]], constant ulong& bytes [[buffer(1)]],
                 device uchar* y [[buffer(2)]], device const uchar* x [[buffer(3)]],
                 uint i [[thread_position_in_grid]]) {
  const ulong at = 16 * ulong(i);
  if (Stopped(control) || at >= bytes) return;
  if (at + 16 <= bytes) {
    *(device uint4*)(y + at) = *(device const uint4*)(x + at);
  } else {
    for (ulong k = at; k < bytes; ++k) y[k] = x[k];
  }
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunCopy(const Call& call, Message& message) {
  const uint64_t bytes = call.outputs[0].spec->bytes();
  return Launch(call, message, GridOfElements(DivideUp(static_cast<int64_t>(bytes), 16)), {"copy", "copy"}, {}, bytes,
                {call.outputs[0], call.inputs[0]});
}

}  // namespace nano::metal
#endif
