// repetition_penalty: makes tokens that have already occurred less likely (Keskar et al., 2019).
#include "metal/kernel.h"

struct RepetitionPenaltyArguments {
  uint32_t n, vocabulary, sequence;  // elements: in all, per row, per sequence
  uint32_t op;
};

#if defined(__METAL_VERSION__)
#include "ops/validate.h"

kernel void examine_penalty(device Control& control [[buffer(0)]],
                            constant RepetitionPenaltyArguments& arguments [[buffer(1)]],
                            device const float* penalty [[buffer(2)]]) {
  if (Stopped(control)) return;
  const float value = *penalty;
  if ((as_type<uint>(value) & 0x7F800000u) != 0x7F800000u && value > 0) return;
  const InputError error = BadNumber(kRepetitionPenaltyPenalty, InputError::kPenalty, value);
  Complain(control, arguments.op, error);
}

kernel void repetition_penalty(device const Control& control [[buffer(0)]],
                               constant RepetitionPenaltyArguments& arguments [[buffer(1)]],
                               device float* y [[buffer(2)]], device const float* logits [[buffer(3)]],
                               device const int* counts [[buffer(4)]], device const int* slot [[buffer(5)]],
                               device const float* penalty [[buffer(6)]], uint i [[thread_position_in_grid]]) {
  if (Stopped(control) || i >= arguments.n) return;
  const float x = logits[i];
  const uint row = uint(slot[i / arguments.sequence]);
  const bool seen = counts[row * arguments.vocabulary + i % arguments.vocabulary] != 0;
  y[i] = !seen ? x : x > 0 ? x / *penalty : x * *penalty;
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunRepetitionPenalty(const Call& call, Message& message) {
  const int64_t n = OutputShape(call, 0).elements(), vocabulary = InputShape(call, 1)[1];
  const RepetitionPenaltyArguments arguments = {static_cast<uint32_t>(n), static_cast<uint32_t>(vocabulary),
                                                static_cast<uint32_t>(InputShape(call, 0)[1] * vocabulary), call.op};
  Outcome outcome =
      Launch(call, message, {1, 1}, {"repetition_penalty", "examine_penalty"}, {}, arguments, {call.inputs[3]});
  if (outcome != Outcome::kOk) return outcome;
  outcome = CheckRange(call, message, kRepetitionPenaltySlot, InputError::kSlot, 0, InputShape(call, 1)[0] - 1);
  if (outcome != Outcome::kOk) return outcome;
  return Launch(call, message, GridOfElements(n), {"repetition_penalty", "repetition_penalty"}, {}, arguments,
                {call.outputs[0], call.inputs[0], call.inputs[1], call.inputs[2], call.inputs[3]});
}

}  // namespace nano::metal
#endif
