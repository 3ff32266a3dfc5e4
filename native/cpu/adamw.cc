// adamw: one pass over all parameters, eight elements at a time (the formula is AdamwUpdate in
// ops/adamw.h).
#include "ops/adamw.h"

#include "cpu/finite.h"
#include "cpu/kernels.h"
#include "cpu/many.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
namespace {

struct Vectors {  // AdamwStep, replicated in every lane
  F8 gradient_scale, decay, beta1_rest, beta2, beta2_rest, root_correction2, epsilon, step_size;

  explicit NANO_INLINE Vectors(const AdamwStep& s)
      : gradient_scale(Set(s.gradient_scale)),
        decay(Set(s.decay)),
        beta1_rest(Set(s.beta1_rest)),
        beta2(Set(s.beta2)),
        beta2_rest(Set(s.beta2_rest)),
        root_correction2(Set(s.root_correction2)),
        epsilon(Set(s.epsilon)),
        step_size(Set(s.step_size)) {}
};

// Returns whether everything that it writes is finite. If m is not, the parameter isn't either.
bool Update(const Vectors& s, const float* gradient, float* parameter, float* m, float* v, int64_t count) {
  F8 sum = Set(0);
  for (int64_t i = 0; i < count; i += 8) {
    const int64_t lanes = Smaller(8, count - i);
    const F8 g = LoadLanes(gradient + i, lanes) * s.gradient_scale;
    const F8 old_m = LoadLanes(m + i, lanes);
    const F8 new_m = old_m + s.beta1_rest * (g - old_m);
    const F8 new_v = LoadLanes(v + i, lanes) * s.beta2 + s.beta2_rest * g * g;
    const F8 direction = new_m / (Sqrt(new_v) / s.root_correction2 + s.epsilon);
    StoreLanes(m + i, lanes, new_m);
    StoreLanes(v + i, lanes, new_v);
    const F8 new_parameter = LoadLanes(parameter + i, lanes) * s.decay - s.step_size * direction;
    StoreLanes(parameter + i, lanes, new_parameter);
    sum = sum + KeepLanes(NanUnlessFinite(new_v) + NanUnlessFinite(new_parameter), lanes);
  }
  return IsFinite(sum);
}

}  // namespace

InputError RunAdamw(const Call& call) {
  const int32_t step = *call.inputs[0].i32();
  if (step < 1) return ValidateRange(kAdamwStep, InputError::kStep, -1, step, 1, 0x7FFFFFFF);
  const Vectors shared(
      MakeAdamwStep(call.params->as<AdamwParams>(), step, *call.inputs[1].f32(), *call.inputs[2].f32()));
  const size_t n = call.outputs.size() / 3;
  const Tensor *gradients = &call.inputs[3 + n], *outputs = &call.outputs[0];
  const std::span<const Tensor> parameters(outputs, n);
  FiniteFlags flags;
  ForTasks(call.pool, TotalElements(parameters), kChunk, [&](int64_t first, int64_t last, int worker) {
    ForPieces(parameters, first, last, [&](size_t i, int64_t begin, int64_t end) {
      flags.Note(worker, Update(shared, gradients[i].f32() + begin, outputs[i].f32() + begin,
                                outputs[n + i].f32() + begin, outputs[2 * n + i].f32() + begin, end - begin));
    });
  });
  return flags.Report(call.outputs);
}

}  // namespace nano::cpu::NANO_ISA
