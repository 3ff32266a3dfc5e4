// sgd: one pass over all parameters, eight elements at a time.
#include "ops/sgd.h"

#include "cpu/kernels.h"
#include "cpu/many.h"

namespace nano::cpu::NANO_ISA {
namespace {

struct Step {  // parameters of a step, replicated in every lane
  F8 rate, scale, momentum, weight_decay;
};

template <bool kNesterov>
void Update(const Step& s, const float* gradient, float* parameter, float* m, int64_t count) {
  for (int64_t i = 0; i < count; i += 8) {
    const int64_t lanes = Smaller(8, count - i);
    const F8 p = LoadLanes(parameter + i, lanes);
    const F8 g = LoadLanes(gradient + i, lanes) * s.scale + s.weight_decay * p;
    const F8 new_m = s.momentum * LoadLanes(m + i, lanes) + g;
    StoreLanes(m + i, lanes, new_m);
    StoreLanes(parameter + i, lanes, p - s.rate * (kNesterov ? g + s.momentum * new_m : new_m));
  }
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
  ForChunks(call.pool, TotalElements(parameters), kChunk, [&](int64_t first, int64_t last) {
    ForPieces(parameters, first, last, [&](size_t i, int64_t begin, int64_t end) {
      update(step, gradients[i].f32() + begin, outputs[i].f32() + begin, outputs[n + i].f32() + begin, end - begin);
    });
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
