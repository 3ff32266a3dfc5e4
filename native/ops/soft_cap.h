// Parameters of soft_cap and its backward.
#pragma once

namespace nano {

struct SoftCapParams {
  float cap;
};

}  // namespace nano
