// Each queue has one Control in device memory. A kernel that finds invalid input contents writes
// the error here, and all later kernels do nothing. Plain data, because Metal kernels include this
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
};

}  // namespace gpu
}  // namespace nano
