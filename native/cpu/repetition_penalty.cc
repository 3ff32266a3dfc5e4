// repetition_penalty: reduces the logits of tokens that have occurred before (Keskar et al., 2019).
#include "cpu/kernels.h"
#include "cpu/simd.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
InputError RunRepetitionPenalty(const Call& call) {
  const Shape &logits = call.inputs[0].spec->shape, &counts = call.inputs[1].spec->shape;
  const int32_t* slot = call.inputs[2].i32();
  const float penalty = *call.inputs[3].f32();
  const int64_t vocabulary = counts.dims[1], length = logits.dims[1];
  if (!(penalty > 0 && penalty < kFloatInfinity)) {
    return BadNumber(kRepetitionPenaltyPenalty, InputError::kPenalty, penalty);
  }
  for (int64_t b = 0; b < logits.dims[0]; ++b) {
    if (slot[b] < 0 || slot[b] >= counts.dims[0]) {
      return ValidateRange(kRepetitionPenaltySlot, InputError::kSlot, b, slot[b], 0, counts.dims[0] - 1);
    }
    const int32_t* seen = call.inputs[1].i32() + slot[b] * vocabulary;
    for (int64_t t = b * length; t < (b + 1) * length; ++t) {
      const float* x = call.inputs[0].f32() + t * vocabulary;
      float* y = call.outputs[0].f32() + t * vocabulary;
      for (int64_t v = 0; v < vocabulary; ++v) y[v] = seen[v] == 0 ? x[v] : x[v] > 0 ? x[v] / penalty : x[v] * penalty;
    }
  }
  return {};
}

}  // namespace nano::cpu::NANO_ISA
