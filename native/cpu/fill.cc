// fill: every element is one value.
#include "ops/fill.h"

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
Status RunFill(const Call& call) {
  float* y = call.outputs[0].f32();
  const float value = call.params->as<FillParams>().value;
  ForChunks(call.pool, call.outputs[0].spec->elements(), 4 * kChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = value;
  });
  return Status();
}

}  // namespace nano::cpu::NANO_ISA
