// lerp: y = a + weight · (b − a).
#include "ops/lerp.h"

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
InputError RunLerp(const Call& call) {
  const float *a = call.inputs[0].f32(), *b = call.inputs[1].f32();
  float* y = call.outputs[0].f32();
  const F8 weight = Set(call.params->as<LerpParams>().weight);
  ForChunks(call.pool, call.outputs[0].spec->elements(), kChunk, [&](int64_t begin, int64_t end) {
    Map(a + begin, b + begin, y + begin, end - begin, [&](F8 from, F8 to) { return from + weight * (to - from); });
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
