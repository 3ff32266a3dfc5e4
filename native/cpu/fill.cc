// fill: sets every element to one value.
#include "ops/fill.h"

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
InputError RunFill(const Call& call) {
  uint32_t* y = call.outputs[0].u32();
  const uint32_t bits = call.params->as<FillParams>().bits;
  ForChunks(call.pool, call.outputs[0].spec->elements(), 4 * kChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = bits;
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
