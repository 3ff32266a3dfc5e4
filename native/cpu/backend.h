// The CPU as a device: compiles a Program to a list of kernel calls with all pointers resolved. engine/backend.h
// declares how it is opened.
#pragma once

#include <string_view>
#include <vector>

namespace nano::cpu {

// The instruction sets that this processor runs and this binary has kernels for, best first.
std::vector<std::string_view> InstructionSets();

}  // namespace nano::cpu
