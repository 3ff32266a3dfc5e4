// Checks of contents: a block looks at all elements and complains of the first that is wrong.
#pragma once

#include "cuda/kernel.cuh"
#include "ops/validate.h"

namespace nano::cuda {

constexpr int kValidateThreads = 1024;

template <class Validate>
__global__ void __launch_bounds__(kValidateThreads)
    ValidateKernel(Control* control, uint32_t op, int64_t n, Validate validate) {
  constexpr int64_t kNone = INT64_MAX;
  __shared__ int64_t room[kValidateThreads / kWarp];
  if (Stopped(control)) return;
  int64_t first = kNone;
  for (int64_t i = threadIdx.x; i < n && first == kNone; i += kValidateThreads) {
    if (validate(i).kind != InputError::kNone) first = i;
  }
  first = BlockReduce<kValidateThreads>(first, room, Smaller());
  if (threadIdx.x == 0 && first != kNone) Complain(control, op, validate(first));
}

// validate(i) is a InputError, of kind kNone if nothing is wrong; the first for an i below n that is of another kind
// counts. To be enqueued before anything that relies on it.
template <class Validate>
Outcome ValidateEach(const Call& call, Message& message, int64_t n, Validate validate) {
  return Launch(call, message, {1, kValidateThreads}, ValidateKernel<Validate>, call.control, call.op, n, validate);
}

}  // namespace nano::cuda
