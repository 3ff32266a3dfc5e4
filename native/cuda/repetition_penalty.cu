// repetition_penalty: makes tokens that have already occurred less likely (Keskar et al., 2019).
#include "cuda/kernels.h"
#include "ops/validate.h"

namespace nano::cuda {
namespace {

__global__ void PenaltyKernel(Control* control, uint32_t op, const float* penalty) {
  if (Stopped(control)) return;
  const float value = *penalty;
  if (value > 0 && value - value == 0) return;
  Complain(control, op, BadNumber(kRepetitionPenaltyPenalty, InputError::kPenalty, value));
}

}  // namespace

Outcome RunRepetitionPenalty(const Call& call, Message& message) {
  const float *logits = Input<float>(call, 0), *penalty = Input<float>(call, 3);
  const int32_t *counts = Input<int32_t>(call, 1), *slot = Input<int32_t>(call, 2);
  float* y = Output<float>(call, 0);
  const int64_t vocabulary = InputShape(call, 1)[1], sequence = InputShape(call, 0)[1] * vocabulary;
  Outcome outcome = Launch(call, message, {1, 1}, PenaltyKernel, call.control, call.op, penalty);
  if (outcome != Outcome::kOk) return outcome;
  outcome = CheckRange(call, message, kRepetitionPenaltySlot, InputError::kSlot, 0, InputShape(call, 1)[0] - 1);
  if (outcome != Outcome::kOk) return outcome;
  return ForElements(call, message, OutputShape(call, 0).elements(), [=] __device__(int64_t i) {
    const float x = logits[i];
    const bool seen = counts[slot[i / sequence] * vocabulary + i % vocabulary] != 0;
    y[i] = !seen ? x : x > 0 ? x / *penalty : x * *penalty;
  });
}

}  // namespace nano::cuda
