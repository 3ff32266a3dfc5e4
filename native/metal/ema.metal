// ema: average += (1 − decay)·(parameter − average), in one pass over all tensors.
#include "metal/many.h"

struct EmaArguments {
  nano::Many many;
};

#if defined(__METAL_VERSION__)

struct EmaUpdate {
  float rest;

  void operator()(thread float4* x) const { x[0] += rest * (x[1] - x[0]); }
};

kernel void ema(device Control& control [[buffer(0)]], constant EmaArguments& arguments [[buffer(1)]],
                NANO_MANY_PARAMETERS, device const float* decay [[buffer(26)]],
                uint group [[threadgroup_position_in_grid]], uint thread_index [[thread_index_in_threadgroup]]) {
  if (Stopped(control)) return;
  const EmaUpdate update = {1.0f - *decay};
  UpdateChunk<2, 1>(control, arguments.many, NANO_MANY_DATA, group, thread_index, update);
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunEma(const Call& call, Message& message) {
  const size_t n = call.output_count;
  const gpu::Tensor* const first[] = {call.outputs, call.inputs + 1 + n};
  return UpdateMany(call, message, {"ema", "ema"}, first, n, EmaArguments{}, call.inputs[0]);
}

}  // namespace nano::metal
#endif
