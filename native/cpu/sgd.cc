// sgd: one pass over all parameters, eight elements at a time.
#include "ops/sgd.h"

#include "cpu/finite.h"
#include "cpu/kernels.h"
#include "cpu/many.h"

namespace nano::cpu::NANO_ISA {
namespace {

struct Step {  // parameters of a step, replicated in every lane
  F8 rate, scale, momentum, weight_decay;
};

// Returns whether everything that it writes is finite. If m is not, the parameter isn't either.
template <bool kNesterov>
bool Update(const Step& s, const float* gradient, float* parameter, float* m, int64_t count) {
  F8 sum = Set(0);
  for (int64_t i = 0; i < count; i += 8) {
    const int64_t lanes = Smaller(8, count - i);
    const F8 p = LoadLanes(parameter + i, lanes);
    const F8 g = LoadLanes(gradient + i, lanes) * s.scale + s.weight_decay * p;
    const F8 new_m = s.momentum * LoadLanes(m + i, lanes) + g;
    StoreLanes(m + i, lanes, new_m);
    const F8 new_p = p - s.rate * (kNesterov ? g + s.momentum * new_m : new_m);
    StoreLanes(parameter + i, lanes, new_p);
    sum = sum + KeepLanes(NanUnlessFinite(new_p), lanes);
  }
  return IsFinite(sum);
}

}  // namespace

InputError RunSgd(const Call& call) {
  const SgdParams& params = call.params->as<SgdParams>();
  const Step step = {Set(*call.inputs[0].f32()), Set(*call.inputs[1].f32()), Set(params.momentum),
                     Set(params.weight_decay)};
  const auto update = params.nesterov ? Update<true> : Update<false>;
  const size_t n = call.outputs.size() / 2;
  const Tensor *gradients = &call.inputs[2 + n], *outputs = &call.outputs[0];
  const std::span<const Tensor> parameters(outputs, n);
  FiniteFlags flags;
  ForTasks(call.pool, TotalElements(parameters), kChunk, [&](int64_t first, int64_t last, int worker) {
    ForPieces(parameters, first, last, [&](size_t i, int64_t begin, int64_t end) {
      flags.Note(worker, update(step, gradients[i].f32() + begin, outputs[i].f32() + begin,
                                outputs[n + i].f32() + begin, end - begin));
    });
  });
  return flags.Report(call.outputs);
}

}  // namespace nano::cpu::NANO_ISA
