// scale: y = factor · x.
#include "ops/scale.h"

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
InputError RunScale(const Call& call) {
  const float* x = call.inputs[0].f32();
  float* y = call.outputs[0].f32();
  const F8 factor = Set(call.params->as<ScaleParams>().factor);
  ForChunks(call.pool, call.outputs[0].spec->elements(), kChunk, [&](int64_t begin, int64_t end) {
    Map(x + begin, y + begin, end - begin, [&](F8 a) { return factor * a; });
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
