// What dropout and dropout_add share: four elements and the four words of random numbers that they have together.
#pragma once

#include "metal/kernel.h"
#include "ops/philox.h"

struct DropoutArguments {
  uint32_t n, site, threshold;
  float scale;
};

#if defined(__METAL_VERSION__)

// The quad as it is after the dropout, elements i to i + 3. What isn't kept becomes 0, even a NaN.
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
