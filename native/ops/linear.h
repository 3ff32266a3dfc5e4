// Parameters of linear.
#pragma once

namespace nano {

struct LinearParams {
  bool relu;
};

}  // namespace nano
