// accumulate: total += x.
#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
InputError RunAccumulate(const Call& call) {
  float* total = call.outputs[0].f32();
  const float* x = call.inputs[1].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kChunk, [&](int64_t begin, int64_t end) {
    Map(total + begin, x + begin, total + begin, end - begin, [](F8 a, F8 b) { return a + b; });
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
