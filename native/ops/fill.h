// Parameters of fill.
#pragma once

namespace nano {

struct FillParams {
  float value;
};

}  // namespace nano
