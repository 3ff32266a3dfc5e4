// adamw: one pass over all parameters. The formulas are those of ops/adamw.h.
#include "metal/double_float.h"
#include "metal/many.h"

struct AdamwArguments {
  nano::Many many;
  float beta1_rest, beta2, beta2_rest, epsilon;
};
struct AdamwStepArguments {
  DoubleFloat beta1_rest, beta2_rest, weight_decay;
  uint32_t op;
};
// The values that all elements share in one step.
struct AdamwShared {
  float gradient_scale, decay, root_correction2, step_size;
};

#if defined(__METAL_VERSION__)
#include "ops/validate.h"

// 1 − b^exponent for rest = 1 − b, by repeated squaring. 1 − b^(i + j) = (1 − b^i) + b^i·(1 − b^j)
// avoids cancellation.
inline DoubleFloat Correction(DoubleFloat rest, uint exponent) {
  DoubleFloat correction = Pair(0.0f);
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) correction = Add(correction, Multiply(Add(Negated(correction), 1.0f), rest));
    rest = Multiply(rest, Add(Negated(rest), 2.0f));
  }
  return correction;
}

// One thread computes the values that all elements share.
kernel void adamw_step(device Control& control [[buffer(0)]], constant AdamwStepArguments& arguments [[buffer(1)]],
                       device AdamwShared& shared [[buffer(2)]], device const int& step [[buffer(3)]],
                       device const float& learning_rate [[buffer(4)]],
                       device const float& gradient_scale [[buffer(5)]]) {
  if (Stopped(control)) return;
  if (step >= 1) {
    const DoubleFloat correction1 = Correction(arguments.beta1_rest, uint(step));
    const DoubleFloat correction2 = Correction(arguments.beta2_rest, uint(step));
    const DoubleFloat weight_decay = arguments.weight_decay;
    shared.gradient_scale = gradient_scale;
    shared.decay = ToFloat(Add(Negated(Multiply(weight_decay, learning_rate)), 1.0f));
    shared.root_correction2 = Root(correction2);
    shared.step_size = ToFloat(Divide(Pair(learning_rate), correction1));
    return;
  }
  const InputError error = ValidateRange(kAdamwStep, InputError::kStep, -1, step, 1, 0x7FFFFFFF);
  Complain(control, arguments.op, error);
}

struct AdamwUpdate {
  AdamwShared step;
  float beta1_rest, beta2, beta2_rest, epsilon;

  // x is a parameter, m, v and the gradient.
  void operator()(thread float4* x) const {
    const float4 g = x[3] * step.gradient_scale;
    x[0] *= step.decay;
    x[1] += beta1_rest * (g - x[1]);
    x[2] = x[2] * beta2 + beta2_rest * g * g;
    x[0] -= step.step_size * (x[1] / (sqrt(x[2]) / step.root_correction2 + epsilon));
  }
};

kernel void adamw(device Control& control [[buffer(0)]], constant AdamwArguments& arguments [[buffer(1)]],
                  NANO_MANY_PARAMETERS, device const AdamwShared& shared [[buffer(26)]],
                  uint group [[threadgroup_position_in_grid]], uint thread_index [[thread_index_in_threadgroup]]) {
  if (Stopped(control)) return;
  AdamwUpdate update;
  update.step = shared;
  update.beta1_rest = arguments.beta1_rest;
  update.beta2 = arguments.beta2;
  update.beta2_rest = arguments.beta2_rest;
  update.epsilon = arguments.epsilon;
  UpdateChunk<4, 3>(control, arguments.many, NANO_MANY_DATA, group, thread_index, update);
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/adamw.h"

namespace nano::metal {

size_t ScratchAdamw(const OpView&, const Params&) { return sizeof(AdamwShared); }

Outcome RunAdamw(const Call& call, Message& message) {
  const AdamwParams& p = call.params->as<AdamwParams>();
  const Outcome outcome =
      Launch(call, message, {1, 1}, {"adamw", "adamw_step"}, {},
             AdamwStepArguments{Split(1 - p.beta1), Split(1 - p.beta2), Split(p.weight_decay), call.op},
             {call.scratch, call.inputs[0], call.inputs[1], call.inputs[2]});
  if (outcome != Outcome::kOk) return outcome;
  const size_t n = call.output_count / 3;
  const gpu::Tensor* const first[] = {call.outputs, call.outputs + n, call.outputs + 2 * n, call.inputs + 3 + n};
  const AdamwArguments arguments = {{},
                                    static_cast<float>(1 - p.beta1),
                                    static_cast<float>(p.beta2),
                                    static_cast<float>(1 - p.beta2),
                                    static_cast<float>(p.epsilon)};
  return UpdateMany(call, message, {"adamw", "adamw"}, first, n, arguments, call.scratch);
}

}  // namespace nano::metal
#endif
