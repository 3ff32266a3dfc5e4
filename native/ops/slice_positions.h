// Parameters of slice_positions, and the sizes that it shares with concat_positions.
#pragma once

#include <cstdint>

#include "engine/inline.h"
#include "engine/program.h"

namespace nano {

struct SlicePositionsParams {
  int64_t begin;
};

// The elements of each position of x [B, T, …].
NANO_INLINE int64_t ElementsOfPosition(const Shape& x) { return x.elements() / (x[0] * x[1]); }

}  // namespace nano
