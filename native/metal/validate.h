// Checks of contents: a threadgroup checks all elements and reports the first one that is invalid.
#pragma once

#include "metal/kernel.h"
#if defined(__METAL_VERSION__)
#include "ops/validate.h"

// Calls validate(i) for each i < n, which returns an InputError, of kind kNone if element i is
// valid. Records the error of the lowest invalid i. Called by all threads of the kernel's only
// threadgroup, with `room` as for GroupMin.
template <class Validate>
inline void ValidateEach(device Control& control, uint op, uint n, Validate validate, threadgroup uint* room,
                         Threads at) {
  if (Stopped(control)) return;
  const uint none = 0xFFFFFFFFu, thread_index = at.Index();
  uint first = none;
  for (uint i = thread_index; i < n && first == none; i += at.simdgroups * kSimd) {
    if (validate(i).kind != InputError::kNone) first = i;
  }
  first = GroupMin(first, room, at);
  threadgroup_barrier(mem_flags::mem_device);  // all threads have read the control
  if (thread_index != 0 || first == none) return;
  const InputError error = validate(first);
  Complain(control, op, error);
}

#else  // the host's part

namespace nano::metal {

// The grid of kernels that call ValidateEach. They are marked
// [[max_total_threads_per_threadgroup(1024)]] and have `room` for one value per simdgroup.
constexpr Grid kExamineGrid = {1, 1024};

}  // namespace nano::metal
#endif
