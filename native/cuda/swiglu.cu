// swiglu and its gradient.
#include "cuda/kernels.h"
#include "cuda/logistic.cuh"
#include "cuda/quads.cuh"

namespace nano::cuda {

Outcome RunSwiglu(const Call& call, Message& message) {
  return Map(
      call, message, Output<float>(call, 0),
      [] __device__(float gate, float up) { return gate * Share(gate, Sigmoids(gate).smaller) * up; },
      Input<const float>(call, 0), Input<const float>(call, 1));
}

// silu′ = σ(x) + x·σ(x)·σ(−x).
Outcome RunSwigluBackward(const Call& call, Message& message) {
  const float *gate = Input<const float>(call, 0), *up = Input<const float>(call, 1);
  const float* dy = Input<const float>(call, 2);
  float *dgate = Output<float>(call, 0), *dup = Output<float>(call, 1);
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
