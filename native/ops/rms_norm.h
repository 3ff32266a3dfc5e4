// Parameters of rms_norm and rms_norm_backward. The latter has no epsilon.
#pragma once

#include <cstdint>

namespace nano {

struct RmsNormParams {
  int64_t groups;
  float epsilon;
};

}  // namespace nano
