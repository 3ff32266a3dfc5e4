// Parameters of rope.
#pragma once

#include <cstdint>

namespace nano {

// Positions are below this: what SineAndCosine (ops/math.h) is good for.
constexpr int64_t kRopeLimit = int64_t{1} << 24;

struct RopeParams {
  int64_t heads;
  double base;
  bool inverse;
};

}  // namespace nano
