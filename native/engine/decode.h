// Decodes wire bytes into a Program (docs/program.md, "Wire form"). Any input gives a Program or an
// error.
#pragma once

#include <cstddef>
#include <span>

#include "engine/program.h"
#include "engine/status.h"

namespace nano {

constexpr uint32_t kProgramMagic = 0x5450474E;  // "NGPT"
constexpr uint16_t kProgramVersion = 1;

// Checks each part on its own: bounds, limits, codes, buffer indices. Check() checks the rest.
Result<Program> DecodeProgram(std::span<const std::byte> bytes);

}  // namespace nano
