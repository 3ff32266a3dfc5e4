// swiglu and its gradient.
#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {

InputError RunSwiglu(const Call& call) {
  const float *gate = call.inputs[0].f32(), *up = call.inputs[1].f32();
  float* y = call.outputs[0].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kSlowChunk, [&](int64_t begin, int64_t end) {
    Map(gate + begin, up + begin, y + begin, end - begin,
        [](F8 a, F8 b) { return TimesShare(a, Sigmoids(a).smaller) * b; });
  });
  return {};
}

// silu′ = σ(x) + x·σ(x)·σ(−x).
InputError RunSwigluBackward(const Call& call) {
  const float *gate = call.inputs[0].f32(), *up = call.inputs[1].f32(), *dy = call.inputs[2].f32();
  float *dgate = call.outputs[0].f32(), *dup = call.outputs[1].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kSlowChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += 8) {
      const int64_t lanes = Smaller(8, end - i);
      const F8 a = LoadLanes(gate + i, lanes);
      const Logistic logistic = Sigmoids(a);
      const F8 slope = MulAdd(a * logistic.smaller, logistic.larger, Share(a, logistic.smaller));
      const F8 d = LoadLanes(dy + i, lanes), b = LoadLanes(up + i, lanes);
      StoreLanes(dgate + i, lanes, d * b * slope);
      StoreLanes(dup + i, lanes, d * TimesShare(a, logistic.smaller));
    }
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
