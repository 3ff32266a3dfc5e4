// count_tokens: counts how often each token has occurred in each slot.
#include "cuda/kernels.h"
#include "cuda/validate.cuh"

namespace nano::cuda {
namespace {

// count += 1, up to INT32_MAX. The result does not depend on the order of the threads.
__device__ __forceinline__ void CountOne(int32_t* count) {
  int32_t expected = 0;
  while (true) {
    const int32_t found = atomicCAS(count, expected, expected + 1);
    if (found == expected || found == INT32_MAX) return;
    expected = found;
  }
}

}  // namespace

Outcome RunCountTokens(const Call& call, Message& message) {
  const Shape &counts = InputShape(call, 0), &tokens = InputShape(call, 1);
  const int32_t *token = Input<const int32_t>(call, 1), *slot = Input<const int32_t>(call, 2);
  int32_t* to = Output<int32_t>(call, 0);
  const int64_t slots = counts[0], vocabulary = counts[1], batch = tokens[0], length = tokens[1];
  // For each sequence, checks the slot and then the tokens.
  const Outcome outcome = ValidateEach(call, message, batch * (length + 1), [=] __device__(int64_t i) {
    const int64_t b = i / (length + 1), t = i - b * (length + 1) - 1, at = b * length + t;
    if (t < 0) return ValidateRange(kCountTokensSlot, InputError::kSlot, b, slot[b], 0, slots - 1);
    return ValidateRange(kCountTokensTokens, InputError::kToken, at, token[at], 0, vocabulary - 1);
  });
  if (outcome != Outcome::kOk) return outcome;
  return ForElements(call, message, batch * length,
                     [=] __device__(int64_t i) { CountOne(to + slot[i / length] * vocabulary + token[i]); });
}

}  // namespace nano::cuda
