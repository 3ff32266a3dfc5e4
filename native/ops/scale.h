// Parameters of scale.
#pragma once

namespace nano {

struct ScaleParams {
  float factor;
};

}  // namespace nano
