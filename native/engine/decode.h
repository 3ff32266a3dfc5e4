// Wire bytes → Program (docs/program.md, "Wire form"). Bytes from anywhere give a Program or an error, nothing else.
#pragma once

#include <cstddef>
#include <span>

#include "engine/program.h"
#include "engine/status.h"

namespace nano {

constexpr uint32_t kProgramMagic = 0x5450474E;  // "NGPT"
constexpr uint16_t kProgramVersion = 1;

// Checks what can be checked of each part alone: bounds, limits, codes, buffer indices. Check() does the rest.
Result<Program> DecodeProgram(std::span<const std::byte> bytes);

}  // namespace nano
