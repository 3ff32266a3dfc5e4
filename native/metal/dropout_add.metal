// dropout_add: residual + dropout(x).
#include "metal/dropout.h"
#if defined(__METAL_VERSION__)

kernel void dropout_add(device const Control& control [[buffer(0)]], constant DropoutArguments& arguments [[buffer(1)]],
                        device float* y [[buffer(2)]], device const float* x [[buffer(3)]],
                        device const uint* rng [[buffer(4)]], device const float* residual [[buffer(5)]],
                        uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index, n = arguments.n;
  if (Stopped(control) || i >= n) return;
  const float4 dropped = Dropped(LoadQuad(FloatsIn(x, 1u), i, n), arguments, rng, i);
  StoreQuad(FloatsOut(y, 0u), i, n, LoadQuad(FloatsIn(residual, 3u), i, n) + dropped);
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunDropoutAdd(const Call& call, Message& message) {
  const DropoutArguments arguments = ArgumentsOfDropout(call);
  return Launch(call, message, GridOfQuads(arguments.n), {"dropout_add", "dropout_add"}, {}, arguments,
                {call.outputs[0], call.inputs[0], call.inputs[1], call.inputs[2]});
}

}  // namespace nano::metal
#endif
