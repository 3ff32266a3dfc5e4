// swiglu and its gradient.
#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {

Status RunSwiglu(const Call& call) {
  const float *gate = call.inputs[0].f32(), *up = call.inputs[1].f32();
  float* y = call.outputs[0].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kSlowChunk, [&](int64_t begin, int64_t end) {
    Map(gate + begin, up + begin, y + begin, end - begin, [](F8 a, F8 b) { return a * Sigmoid(a).share * b; });
  });
  return Status();
}

// dgate = dy·up·σ(gate)·(1 + gate·σ(−gate)), dup = dy·gate·σ(gate).
Status RunSwigluBackward(const Call& call) {
  const float *gate = call.inputs[0].f32(), *up = call.inputs[1].f32(), *dy = call.inputs[2].f32();
  float *dgate = call.outputs[0].f32(), *dup = call.outputs[1].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kSlowChunk, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += 8) {
      const int64_t lanes = Smaller(8, end - i);
      const F8 a = LoadLanes(gate + i, lanes);
      const Logistic logistic = Sigmoid(a);
      const F8 share = LoadLanes(dy + i, lanes) * logistic.share;
      const F8 of_gate = share * LoadLanes(up + i, lanes) * MulAdd(a, logistic.rest, Set(1.0f));
      StoreLanes(dgate + i, lanes, of_gate);
      StoreLanes(dup + i, lanes, share * a);
    }
  });
  return Status();
}

}  // namespace nano::cpu::NANO_ISA
