// Parameters of sample.
#pragma once

#include <cstdint>

namespace nano {

struct SampleParams {
  uint32_t site;
};

}  // namespace nano
