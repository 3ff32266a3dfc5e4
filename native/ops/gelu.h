// Parameters of gelu and its backward.
#pragma once

namespace nano {

struct GeluParams {
  bool tanh;
};

}  // namespace nano
