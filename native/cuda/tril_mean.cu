// tril_mean: row t is 1 / (t + 1) up to column t, and 0 after it.
#include "cuda/kernels.h"

namespace nano::cuda {

Outcome RunTrilMean(const Call& call, Message& message) {
  float* y = Output<float>(call, 0);
  const int64_t length = OutputShape(call, 0)[0];
  return ForElements(call, message, length * length, [=] __device__(int64_t i) {
    const int64_t t = i / length, j = i - t * length;
    y[i] = j <= t ? 1.0f / static_cast<float>(t + 1) : 0.0f;
  });
}

}  // namespace nano::cuda
