// positions: start, start + 1, ….
#include "cpu/errors.h"
#include "cpu/kernels.h"

namespace nano::cpu::NANO_ISA {
Status RunPositions(const Call& call) {
  const int64_t start = *call.inputs[0].i32(), length = call.outputs[0].spec->elements();
  if (start + length - 1 > 0x7FFFFFFF) {
    return OutOfRange("positions", "start", start, -int64_t{0x80000000}, 0x80000000 - length);
  }
  int32_t* y = call.outputs[0].i32();
  for (int64_t t = 0; t < length; ++t) y[t] = static_cast<int32_t>(start + t);
  return Status();
}

}  // namespace nano::cpu::NANO_ISA
