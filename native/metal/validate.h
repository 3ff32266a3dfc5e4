// Checks of contents: a group looks at all elements and complains of the first that is wrong.
#pragma once

#include "metal/kernel.h"
#if defined(__METAL_VERSION__)
#include "ops/validate.h"

// validate(i) is a InputError, of kind kNone if nothing is wrong; the first for an i below n that is of another kind
// counts. To be called by all threads of the one group, with `room` as for GroupMin.
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
  threadgroup_barrier(mem_flags::mem_device);  // all have looked at the control
  if (thread_index != 0 || first == none) return;
  const InputError error = validate(first);
  Complain(control, op, error);
}

#else  // the host's part

namespace nano::metal {

// What kernels that call ValidateEach are launched with; they are marked [[max_total_threads_per_threadgroup(1024)]],
// and have room for a value of each simdgroup.
constexpr Grid kExamineGrid = {1, 1024};

}  // namespace nano::metal
#endif
