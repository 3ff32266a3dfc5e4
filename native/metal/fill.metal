// fill: sets every element to one value.
#include "metal/kernel.h"

struct FillArguments {
  uint32_t n, bits;
};

#if defined(__METAL_VERSION__)

kernel void fill(device const Control& control [[buffer(0)]], constant FillArguments& arguments [[buffer(1)]],
                 device uint* y [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  if (Stopped(control) || i >= arguments.n) return;
  y[i] = arguments.bits;
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/fill.h"

namespace nano::metal {

Outcome RunFill(const Call& call, Message& message) {
  const int64_t n = OutputShape(call, 0).elements();
  return Launch(call, message, GridOfElements(n), {"fill", "fill"}, {},
                FillArguments{static_cast<uint32_t>(n), call.params->as<FillParams>().bits}, {call.outputs[0]});
}

}  // namespace nano::metal
#endif
