// Parameters of positions.
#pragma once

#include <cstdint>

namespace nano {

struct PositionsParams {
  int64_t length;
};

}  // namespace nano
