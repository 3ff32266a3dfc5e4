// Parameters and sizes of batched_matmul.
#pragma once

#include <cstdint>

#include "ops/matmul.h"

namespace nano {

struct BatchedMatmulParams {
  MatmulParams each;       // one product
  int64_t batch;           // number of products
  int64_t a_step, b_step;  // elements from one matrix to the next; 0: shared
};

}  // namespace nano
