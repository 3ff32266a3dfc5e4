// Parameters of fill.
#pragma once

#include <cstdint>

namespace nano {

struct FillParams {
  uint32_t bits;  // of one element, an f32 or an i32
};

}  // namespace nano
