// Shared by dropout and dropout_add: four elements use the four words of one Philox block.
#pragma once

#include "metal/kernel.h"
#include "ops/philox.h"

struct DropoutArguments {
  uint32_t n, site, threshold;
  float scale;
};

#if defined(__METAL_VERSION__)

// Applies dropout to elements i to i + 3. A dropped element becomes 0, even if it is a NaN.
inline float4 Dropped(float4 x, constant DropoutArguments& arguments, device const uint* rng, uint i) {
  const PhiloxBlock block = RandomStream(rng, arguments.site).Block(i / kQuad);
  float4 y;
  for (uint k = 0; k < kQuad; ++k) y[k] = block.word[k] >= arguments.threshold ? x[k] * arguments.scale : 0.0f;
  return y;
}

#else  // the host's part
#include "ops/dropout.h"

namespace nano::metal {

inline DropoutArguments ArgumentsOfDropout(const Call& call) {
  const DropoutParams& params = call.params->as<DropoutParams>();
  const DropoutRule rule(params.p);
  return {static_cast<uint32_t>(OutputShape(call, 0).elements()), params.site, rule.threshold, rule.scale};
}

}  // namespace nano::metal
#endif
