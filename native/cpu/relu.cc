// relu and its gradient.
#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
InputError RunRelu(const Call& call) {
  const float* x = call.inputs[0].f32();
  float* y = call.outputs[0].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kChunk, [&](int64_t begin, int64_t end) {
    // A NaN is not ≤ 0 and is kept.
    Map(x + begin, y + begin, end - begin, [](F8 a) { return AndNot(LessEqual(a, Set(0)), a); });
  });
  return {};
}

InputError RunReluBackward(const Call& call) {
  const float *y = call.inputs[0].f32(), *dy = call.inputs[1].f32();
  float* dx = call.outputs[0].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kChunk, [&](int64_t begin, int64_t end) {
    Map(y + begin, dy + begin, dx + begin, end - begin, [](F8 a, F8 b) { return And(Greater(a, Set(0)), b); });
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
