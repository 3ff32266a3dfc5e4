// require_finite: copies a finite number and stops the run at any other.
#include "metal/kernel.h"
#if defined(__METAL_VERSION__)
#include "ops/validate.h"

kernel void require_finite(device Control& control [[buffer(0)]], constant uint& op [[buffer(1)]],
                           device float* y [[buffer(2)]], device const float* x [[buffer(3)]]) {
  if (Stopped(control)) return;
  const float value = *x;
  if (IsFinite(value)) {
    *y = value;
    return;
  }
  const InputError error = NotFinite(kRequireFiniteX, value);
  Complain(control, op, error);
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunRequireFinite(const Call& call, Message& message) {
  return Launch(call, message, {1, 1}, {"require_finite", "require_finite"}, {}, call.op,
                {call.outputs[0], call.inputs[0]});
}

}  // namespace nano::metal
#endif
