// On the device, one for each queue: whether a kernel has found fault with what it was given. From then on kernels do
// nothing. Plain data, which Metal's language includes too.
#pragma once

#include <cstdint>

#include "ops/input_error.h"

namespace nano {
namespace gpu {

struct Control {
  uint32_t failed;
  uint32_t op;  // its index in the Program
  InputError error;
};

}  // namespace gpu
}  // namespace nano
