// add: y = a + b, with b broadcast over the leading dimensions.
#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
namespace {

NANO_INLINE F8 Plus(F8 a, F8 b) { return a + b; }

// Adds elements [begin, end) of a. b repeats every `period` elements.
void AddRange(const float* a, const float* b, float* y, int64_t period, int64_t begin, int64_t end) {
  if (period == 1) {
    const F8 each = Set(*b);
    Map(a + begin, y + begin, end - begin, [&](F8 x) { return x + each; });
    return;
  }
  for (int64_t i = begin; i < end;) {
    const int64_t at = i % period, count = Smaller(period - at, end - i);
    Map(a + i, b + at, y + i, count, Plus);
    i += count;
  }
}

}  // namespace

InputError RunAdd(const Call& call) {
  const float *a = call.inputs[0].f32(), *b = call.inputs[1].f32();
  float* y = call.outputs[0].f32();
  const int64_t period = call.inputs[1].spec->elements();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kChunk,
            [&](int64_t begin, int64_t end) { AddRange(a, b, y, period, begin, end); });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
