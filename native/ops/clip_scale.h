// Parameters and formula of clip_scale.
#pragma once

#include "engine/inline.h"

namespace nano {

struct ClipScaleParams {
  double max_norm;
};

// A NaN norm gives NaN. An infinite max_norm disables clipping.
NANO_INLINE float ClipScale(float norm, double max_norm) {
  if (max_norm - max_norm != 0) return norm == norm ? 1.0f : norm;
  const float scale = static_cast<float>(max_norm / (static_cast<double>(norm) + 1e-6));
  return scale > 1 ? 1.0f : scale;
}

}  // namespace nano
