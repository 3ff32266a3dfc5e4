// Checks of contents: a block looks at all elements and complains of the first that is wrong.
#pragma once

#include "cuda/kernel.cuh"
#include "ops/judge.h"

namespace nano::cuda {

constexpr int kExamineThreads = 1024;

template <class Judge>
__global__ void __launch_bounds__(kExamineThreads)
    ExamineKernel(Control* control, uint32_t op, int64_t n, Judge judge) {
  constexpr int64_t kNone = INT64_MAX;
  __shared__ int64_t room[kExamineThreads / kWarp];
  if (Stopped(control)) return;
  int64_t first = kNone;
  for (int64_t i = threadIdx.x; i < n && first == kNone; i += kExamineThreads) {
    if (judge(i).kind != Complaint::kNone) first = i;
  }
  first = BlockReduce<kExamineThreads>(first, room, Smaller());
  if (threadIdx.x == 0 && first != kNone) Complain(control, op, judge(first));
}

// judge(i) is a Complaint, of kind kNone if nothing is wrong; the first for an i below n that is of another kind
// counts. To be enqueued before anything that relies on it.
template <class Judge>
Outcome Examine(const Call& call, Message& message, int64_t n, Judge judge) {
  return Launch(call, message, {1, kExamineThreads}, ExamineKernel<Judge>, call.control, call.op, n, judge);
}

}  // namespace nano::cuda
