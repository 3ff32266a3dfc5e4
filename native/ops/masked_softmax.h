// Parameters of masked_softmax and masked_softmax_backward.
#pragma once

namespace nano {

struct MaskedSoftmaxParams {
  float scale;
};

}  // namespace nano
