// soft_cap and its gradient.
#include "ops/soft_cap.h"

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {

InputError RunSoftCap(const Call& call) {
  const float* x = call.inputs[0].f32();
  float* y = call.outputs[0].f32();
  const F8 cap = Set(call.params->as<SoftCapParams>().cap);
  ForChunks(call.pool, call.outputs[0].spec->elements(), kSlowChunk, [&](int64_t begin, int64_t end) {
    Map(x + begin, y + begin, end - begin, [&](F8 a) { return cap * Tanh(a / cap); });
  });
  return {};
}

InputError RunSoftCapBackward(const Call& call) {
  const float *y = call.inputs[0].f32(), *dy = call.inputs[1].f32();
  float* dx = call.outputs[0].f32();
  const F8 cap = Set(call.params->as<SoftCapParams>().cap), one = Set(1.0f);
  ForChunks(call.pool, call.outputs[0].spec->elements(), kChunk, [&](int64_t begin, int64_t end) {
    Map(y + begin, dy + begin, dx + begin, end - begin, [&](F8 a, F8 b) {
      const F8 tanh = a / cap;
      return b * ((one - tanh) * (one + tanh));
    });
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
