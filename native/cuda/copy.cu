// copy: y = x for any dtype.
#include "cuda/kernels.h"

namespace nano::cuda {

// Copies 16 bytes at a time, and the remaining bytes at the end.
Outcome RunCopy(const Call& call, Message& message) {
  using Unit = uint4;
  const auto* x = Input<const unsigned char>(call, 0);
  auto* y = Output<unsigned char>(call, 0);
  const auto bytes = static_cast<int64_t>(call.outputs[0].spec->bytes());
  constexpr int64_t kUnit = sizeof(Unit);
  return ForElements(call, message, DivideUp(bytes, kUnit), [=] __device__(int64_t i) {
    if ((i + 1) * kUnit <= bytes) {
      reinterpret_cast<Unit*>(y)[i] = reinterpret_cast<const Unit*>(x)[i];
    } else {
      for (int64_t at = i * kUnit; at < bytes; ++at) y[at] = x[at];
    }
  });
}

}  // namespace nano::cuda
