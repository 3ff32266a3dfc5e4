// Parameters of slice_positions and concat_positions.
#pragma once

#include <cstdint>

namespace nano {

struct SlicePositionsParams {
  int64_t size;       // elements of each position
  int64_t begin = 0;  // of the slice
};

}  // namespace nano
