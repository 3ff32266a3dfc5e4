// Each queue has one Control in device memory. A kernel that finds invalid contents writes the
// error here, and all later kernels do nothing. Plain data, because Metal kernels include this
// header too.
#pragma once

#include <cstdint>

#include "ops/input_error.h"

namespace nano {
namespace gpu {

struct Control {
  uint32_t failed;
  uint32_t op;  // index in the Program
  InputError error;
  // 1 + the index of an output of the current op that has a value that is not finite; 0: none.
  // Threads that find one write it here, because the other threads of their launch read `failed`.
  uint32_t not_finite;
};

}  // namespace gpu
}  // namespace nano
