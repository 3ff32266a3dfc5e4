// The CPU device compiles a Program to a list of kernel calls with all pointers resolved.
// engine/backend.h declares the function that opens it.
#pragma once

#include <string_view>
#include <vector>

namespace nano::cpu {

// The instruction sets that this processor supports and this binary has kernels for, best first.
std::vector<std::string_view> InstructionSets();

}  // namespace nano::cpu
