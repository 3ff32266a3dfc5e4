// The CPU device compiles a Program to a list of kernel calls with all pointers resolved.
// engine/backend.h declares the function that opens it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nano::cpu {

// The instruction sets that this processor supports and this binary has kernels for, best first.
std::vector<std::string_view> InstructionSets();

// The instruction sets that this binary has kernels for, best first.
std::vector<std::string_view> CompiledInstructionSets();

// Why this processor can use no kernel of this binary unless an instruction set is named. Empty if
// it can.
std::string WhyNoKernels();

}  // namespace nano::cpu
