// Parameters of rope.
#pragma once

#include <cstdint>

namespace nano {

// Positions must be below this, the range of SineAndCosine (ops/math.h).
constexpr int64_t kRopeLimit = int64_t{1} << 24;

struct RopeParams {
  int64_t heads;
  double base;
  bool inverse;
};

}  // namespace nano
