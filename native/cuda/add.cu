// add: y = a + b. b may have fewer dimensions than a; it is then broadcast over the leading ones.
#include "cuda/kernels.h"
#include "cuda/quads.cuh"

namespace nano::cuda {

Outcome RunAdd(const Call& call, Message& message) {
  const Floats a = FloatInput(call, 0), b = FloatInput(call, 1);
  float* y = Output<float>(call, 0);
  const int64_t n = OutputShape(call, 0).elements(), period = InputShape(call, 1).elements();
  const bool in_quads = period == n || InQuads(period);
  return ForElements(call, message, DivideUp(n, kQuad), [=] __device__(int64_t quad) {
    const int64_t i = kQuad * quad, in_b = period == n ? i : i % period;
    Quad addend;
    if (in_quads) {
      addend = LoadQuad(b, in_b, period);
    } else {
#pragma unroll
      for (int k = 0; k < kQuad; ++k) addend.at[k] = b.Get((in_b + k) % period);
    }
    StoreQuad(y, i, n, MapQuad(Add(), LoadQuad(a, i, n), addend));
  });
}

}  // namespace nano::cuda
