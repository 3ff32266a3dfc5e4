// positions: start, start + 1, …, for one sequence or for each sequence.
#include "ops/positions.h"

#include "cpu/kernels.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
InputError RunPositions(const Call& call) {
  const int64_t length = call.params->as<PositionsParams>().length, count = call.inputs[0].spec->elements();
  const int32_t* starts = call.inputs[0].i32();
  for (int64_t b = 0; b < count; ++b) {
    if (starts[b] + length - 1 > 0x7FFFFFFF) {
      return ValidateRange(kPositionsStart, InputError::kStart, b, starts[b], -int64_t{0x80000000},
                           0x80000000 - length);
    }
  }
  int32_t* y = call.outputs[0].i32();
  for (int64_t b = 0; b < count; ++b) {
    for (int64_t t = 0; t < length; ++t) *y++ = static_cast<int32_t>(starts[b] + t);
  }
  return {};
}

}  // namespace nano::cpu::NANO_ISA
