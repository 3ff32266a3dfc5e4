// relu_squared and its gradient.
#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
namespace {

// Max returns its second operand for a NaN, so a NaN is kept.
NANO_INLINE F8 Relu(F8 x) { return Max(Set(0), x); }

}  // namespace

InputError RunReluSquared(const Call& call) {
  const float* x = call.inputs[0].f32();
  float* y = call.outputs[0].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kChunk, [&](int64_t begin, int64_t end) {
    Map(x + begin, y + begin, end - begin, [](F8 a) { return Relu(a) * Relu(a); });
  });
  return {};
}

InputError RunReluSquaredBackward(const Call& call) {
  const float *x = call.inputs[0].f32(), *dy = call.inputs[1].f32();
  float* dx = call.outputs[0].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kChunk, [&](int64_t begin, int64_t end) {
    Map(x + begin, dy + begin, dx + begin, end - begin, [](F8 a, F8 b) { return (Relu(a) + Relu(a)) * b; });
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
