// Checks the contents of tensors: one block checks all elements and reports the first that is
// invalid.
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

// validate(i) returns an InputError, of kind kNone if element i is valid. The error of the smallest
// i below n is reported. Must be enqueued before everything that relies on the check.
template <class Validate>
Outcome ValidateEach(const Call& call, Message& message, int64_t n, Validate validate) {
  return Launch(call, message, {1, kValidateThreads}, ValidateKernel<Validate>, call.control, call.op, n, validate);
}

}  // namespace nano::cuda
