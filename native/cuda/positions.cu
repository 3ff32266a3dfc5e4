// positions: start, start + 1, …, for one start or for the start of each sequence.
#include "cuda/kernels.h"
#include "ops/positions.h"

namespace nano::cuda {

Outcome RunPositions(const Call& call, Message& message) {
  const int64_t length = call.params->as<PositionsParams>().length;
  constexpr int64_t kEnd = int64_t{1} << 31;
  const Outcome outcome = CheckRange(call, message, kPositionsStart, InputError::kStart, -kEnd, kEnd - length);
  if (outcome != Outcome::kOk) return outcome;
  const int32_t* starts = Input<const int32_t>(call, 0);
  int32_t* y = Output<int32_t>(call, 0);
  return ForElements(call, message, OutputShape(call, 0).elements(), [=] __device__(int64_t i) {
    const int64_t b = i / length, t = i - b * length;
    y[i] = static_cast<int32_t>(starts[b] + t);
  });
}

}  // namespace nano::cuda
