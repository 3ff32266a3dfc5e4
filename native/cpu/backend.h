// The CPU as a device: compiles a Program to a list of kernel calls with all pointers resolved.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/backend.h"
#include "engine/status.h"

namespace nano {
class SharedPool;
}

namespace nano::cpu {

// With the kernels for `instruction_set`, or the best that this processor runs if it is empty. `pool` must outlive the
// device.
Result<std::unique_ptr<Device>> OpenCpu(std::string_view instruction_set, SharedPool& pool);

// The instruction sets that this processor runs and this binary has kernels for, best first.
std::vector<std::string_view> InstructionSets();

}  // namespace nano::cpu
