// Parameters of rms_norm and its backward, which has no epsilon.
#pragma once

#include <cstdint>

namespace nano {

struct RmsNormParams {
  int64_t groups;
  float epsilon;
};

}  // namespace nano
