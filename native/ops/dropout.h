// Parameters of dropout and dropout_add. DropoutRule and RandomStream in ops/philox.h make the
// mask.
#pragma once

#include <cstdint>

namespace nano {

struct DropoutParams {
  double p;
  uint32_t site;
};

}  // namespace nano
