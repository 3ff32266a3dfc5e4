// Parameters of sgd.
#pragma once

namespace nano {

struct SgdParams {
  float momentum, weight_decay;
  bool nesterov;
};

}  // namespace nano
