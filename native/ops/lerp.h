// Parameters of lerp.
#pragma once

namespace nano {

struct LerpParams {
  float weight;
};

}  // namespace nano
