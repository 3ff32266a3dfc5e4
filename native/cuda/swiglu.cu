// swiglu and its gradient.
#include "cuda/kernels.h"
#include "cuda/logistic.cuh"
#include "cuda/quads.cuh"

namespace nano::cuda {

Outcome RunSwiglu(const Call& call, Message& message) {
  return Map(
      call, message, FloatOutput(call, 0),
      [] __device__(float gate, float up) { return gate * Share(gate, Sigmoids(gate).smaller) * up; },
      FloatInput(call, 0), FloatInput(call, 1));
}

// silu′ = σ(x) + x·σ(x)·σ(−x).
Outcome RunSwigluBackward(const Call& call, Message& message) {
  const Floats gate = FloatInput(call, 0), up = FloatInput(call, 1), dy = FloatInput(call, 2);
  const Floats dgate = FloatOutput(call, 0), dup = FloatOutput(call, 1);
  const int64_t n = OutputShape(call, 0).elements();
  return ForElements(call, message, DivideUp(n, kQuad), [=] __device__(int64_t quad) {
    const int64_t i = kQuad * quad;
    const Quad gates = LoadQuad(gate, i, n), ups = LoadQuad(up, i, n), gradient = LoadQuad(dy, i, n);
    Quad of_gate, of_up;
#pragma unroll
    for (int k = 0; k < kQuad; ++k) {
      const float x = gates.at[k], d = gradient.at[k];
      const Logistic logistic = Sigmoids(x);
      const float share = Share(x, logistic.smaller);
      of_gate.at[k] = d * ups.at[k] * fmaf(x * logistic.smaller, logistic.larger, share);
      of_up.at[k] = d * (x * share);
    }
    StoreQuad(dgate, i, n, of_gate);
    StoreQuad(dup, i, n, of_up);
  });
}

}  // namespace nano::cuda
