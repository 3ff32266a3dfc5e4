// Checks token ids, for the kernels that use them as indices.
#pragma once

#include <cstdint>

#include "engine/inline.h"

namespace nano::cpu::NANO_ISA {

// The index of the first token that is not in [0, vocabulary), or -1.
NANO_INLINE int64_t FirstOutside(const int32_t* tokens, int64_t count, int64_t vocabulary) {
  const uint32_t bound = vocabulary > 0x7FFFFFFF ? 0x80000000u : static_cast<uint32_t>(vocabulary);
  uint32_t outside = 0;
  for (int64_t i = 0; i < count; ++i) outside |= static_cast<uint32_t>(tokens[i]) >= bound;
  if (outside == 0) return -1;
  int64_t i = 0;
  while (static_cast<uint32_t>(tokens[i]) < bound) ++i;
  return i;
}

}  // namespace nano::cpu::NANO_ISA
