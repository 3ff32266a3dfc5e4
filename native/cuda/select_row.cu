// select_row: copies one row of each sequence.
#include "cuda/kernels.h"
#include "cuda/move_rows.cuh"
#include "cuda/validate.cuh"

namespace nano::cuda {

Outcome RunSelectRow(const Call& call, Message& message) {
  const Shape& x = InputShape(call, 0);
  const int64_t rows = x[1];
  const int32_t* row = Input<const int32_t>(call, 1);
  const Outcome outcome = ValidateEach(call, message, 1, [=] __device__(int64_t) {
    return ValidateRange(kSelectRowRow, InputError::kRow, -1, *row, 0, rows - 1);
  });
  if (outcome != Outcome::kOk) return outcome;
  return MoveRows(call, message, x[0], x[2], Input<const float>(call, 0), Output<float>(call, 0),
                  [=] __device__(int64_t b) {
                    return Way{b * rows + *row, b};
                  });
}

}  // namespace nano::cuda
