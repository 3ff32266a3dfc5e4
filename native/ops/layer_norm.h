// Parameters of layer_norm; its backward has none.
#pragma once

namespace nano {

struct LayerNormParams {
  float epsilon;
};

}  // namespace nano
