// Parameters of attention and attention_backward.
#pragma once

#include <cstdint>

namespace nano {

struct AttentionParams {
  int64_t heads;
  int64_t kv_heads;  // divides heads
  float scale;
  uint32_t site;
  double dropout;
  bool cached;
};

}  // namespace nano
