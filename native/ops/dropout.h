// Parameters of dropout and dropout_add; the mask itself is DropoutRule and RandomStream in ops/philox.h.
#pragma once

#include <cstdint>

namespace nano {

struct DropoutParams {
  double p;
  uint32_t site;
};

}  // namespace nano
