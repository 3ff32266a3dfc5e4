// Parameters and sizes of matmul and matmul_accumulate.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/rule.h"

namespace nano {

struct MatmulParams {
  bool transpose_a, transpose_b;
  int64_t m, n, k;  // y is m × n; each element sums k terms
};

class Checker;

// Checks inputs `first` and `first + 1`, and that `y` fits their product.
MatmulParams CheckMatmul(Checker& check, size_t first, const TensorSpec& y);

}  // namespace nano
