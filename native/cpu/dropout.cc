// dropout: keeps or drops elements by Philox random numbers.
#include "cpu/dropout.h"

#include "cpu/kernels.h"
#include "cpu/loops.h"
#include "ops/dropout.h"

namespace nano::cpu::NANO_ISA {
InputError RunDropout(const Call& call) {
  const DropoutParams& p = call.params->as<DropoutParams>();
  const float* x = call.inputs[0].f32();
  const uint32_t* rng = call.inputs[1].u32();
  float* y = call.outputs[0].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kChunk, [&](int64_t begin, int64_t end) {
    ForFactors(p, rng, begin, end,
               [&](int64_t i, int64_t count, const float* factors) { Map(x + i, factors, y + i, count, Dropped); });
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
