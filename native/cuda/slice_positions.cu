// slice_positions and concat_positions: copy positions of each sequence.
#include "cuda/kernels.h"
#include "cuda/move_rows.cuh"
#include "ops/slice_positions.h"

namespace nano::cuda {

Outcome RunSlicePositions(const Call& call, Message& message) {
  const Shape &x = InputShape(call, 0), &y = OutputShape(call, 0);
  const SlicePositionsParams& p = call.params->as<SlicePositionsParams>();
  const int64_t length = x[1], count = y[1], begin = p.begin;
  return MoveRows(call, message, y[0] * count, p.size, Input<const float>(call, 0), Output<float>(call, 0),
                  [=] __device__(int64_t r) {
                    const int64_t b = r / count, t = r - b * count;
                    return Way{b * length + begin + t, r};
                  });
}

Outcome RunConcatPositions(const Call& call, Message& message) {
  const int64_t length = OutputShape(call, 0)[1], size = call.params->as<SlicePositionsParams>().size;
  int64_t begin = 0;
  for (size_t i = 0; i < call.input_count; ++i) {
    const Shape& x = InputShape(call, i);
    const int64_t count = x[1];
    const Outcome outcome = MoveRows(call, message, x[0] * count, size, Input<const float>(call, i),
                                     Output<float>(call, 0), [=] __device__(int64_t r) {
                                       const int64_t b = r / count, t = r - b * count;
                                       return Way{r, b * length + begin + t};
                                     });
    if (outcome != Outcome::kOk) return outcome;
    begin += count;
  }
  return Outcome::kOk;
}

}  // namespace nano::cuda
