// count_tokens: counts how often each token has occurred in each slot.
#include "cpu/kernels.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
InputError RunCountTokens(const Call& call) {
  const Shape &counts = call.inputs[0].spec->shape, &tokens = call.inputs[1].spec->shape;
  const int32_t *token = call.inputs[1].i32(), *slot = call.inputs[2].i32();
  const int64_t slots = counts.dims[0], vocabulary = counts.dims[1], length = tokens.dims[1];
  for (int64_t b = 0; b < tokens.dims[0]; ++b) {
    if (slot[b] < 0 || slot[b] >= slots)
      return ValidateRange(kCountTokensSlot, InputError::kSlot, b, slot[b], 0, slots - 1);
    for (int64_t t = 0; t < length; ++t) {
      const int32_t value = token[b * length + t];
      if (value < 0 || value >= vocabulary) {
        return ValidateRange(kCountTokensTokens, InputError::kToken, b * length + t, value, 0, vocabulary - 1);
      }
    }
  }
  for (int64_t b = 0; b < tokens.dims[0]; ++b) {
    int32_t* row = call.outputs[0].i32() + slot[b] * vocabulary;
    for (int64_t t = 0; t < length; ++t) {
      int32_t& count = row[token[b * length + t]];
      if (count < 0x7FFFFFFF) ++count;
    }
  }
  return {};
}

}  // namespace nano::cpu::NANO_ISA
