// dropout: Philox decides which elements are kept.
#include "metal/dropout.h"
#if defined(__METAL_VERSION__)

kernel void dropout(device const Control& control [[buffer(0)]], constant DropoutArguments& arguments [[buffer(1)]],
                    device float* y [[buffer(2)]], device const float* x [[buffer(3)]],
                    device const uint* rng [[buffer(4)]], uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index, n = arguments.n;
  if (Stopped(control) || i >= n) return;
  StoreQuad(FloatsOut(y, 0u), i, n, Dropped(LoadQuad(FloatsIn(x, 1u), i, n), arguments, rng, i));
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunDropout(const Call& call, Message& message) {
  const DropoutArguments arguments = ArgumentsOfDropout(call);
  return Launch(call, message, GridOfQuads(arguments.n), {"dropout", "dropout"}, {}, arguments,
                {call.outputs[0], call.inputs[0], call.inputs[1]});
}

}  // namespace nano::metal
#endif
