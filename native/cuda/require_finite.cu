// require_finite: copies a finite number and reports an error for any other.
#include "cuda/kernels.h"
#include "ops/validate.h"

namespace nano::cuda {
namespace {

__global__ void RequireFiniteKernel(Control* control, uint32_t op, const float* x, float* y) {
  if (Stopped(control)) return;
  const float value = *x;
  if (value - value == 0) {
    *y = value;
    return;
  }
  Complain(control, op, NotFinite(kRequireFiniteX, value));
}

}  // namespace

Outcome RunRequireFinite(const Call& call, Message& message) {
  return Launch(call, message, {1, 1}, RequireFiniteKernel, call.control, call.op, Input<const float>(call, 0),
                Output<float>(call, 0));
}

}  // namespace nano::cuda
