// sgd: one pass over all parameters.
#include "metal/many.h"

struct SgdArguments {
  nano::Many many;
  float momentum, weight_decay;
  uint32_t nesterov;
};

#if defined(__METAL_VERSION__)

struct SgdUpdate {
  float momentum, weight_decay, rate, scale;
  bool nesterov;

  void operator()(thread float4* x) const {
    const float4 g = x[2] * scale + weight_decay * x[0];
    x[1] = momentum * x[1] + g;
    x[0] -= rate * (nesterov ? g + momentum * x[1] : x[1]);
  }
};

kernel void sgd(device Control& control [[buffer(0)]], constant SgdArguments& arguments [[buffer(1)]],
                NANO_MANY_PARAMETERS, device const float* learning_rate [[buffer(26)]],
                device const float* gradient_scale [[buffer(27)]], uint group [[threadgroup_position_in_grid]],
                uint thread_index [[thread_index_in_threadgroup]]) {
  if (Stopped(control)) return;
  const SgdUpdate update = {arguments.momentum, arguments.weight_decay, *learning_rate, *gradient_scale,
                            arguments.nesterov != 0};
  UpdateChunk<3, 2>(control, arguments.many, NANO_MANY_DATA, group, thread_index, update);
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/sgd.h"

namespace nano::metal {

Outcome RunSgd(const Call& call, Message& message) {
  const size_t n = call.output_count / 2;
  const SgdParams& p = call.params->as<SgdParams>();
  const gpu::Tensor* const first[] = {call.outputs, call.outputs + n, call.inputs + 2 + n};
  return UpdateMany(call, message, {"sgd", "sgd"}, first, n, SgdArguments{{}, p.momentum, p.weight_decay, p.nesterov},
                    call.inputs[0], call.inputs[1]);
}

}  // namespace nano::metal
#endif
