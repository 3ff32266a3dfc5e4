// cache_write: writes new rows to slots of a KV cache.
#include "cuda/kernels.h"
#include "cuda/move_rows.cuh"
#include "cuda/validate.cuh"

namespace nano::cuda {
namespace {

// The error in sequence b, if any: its start or its slot is out of range, or an earlier sequence
// has the same slot.
struct ValidateSequence {
  const int32_t *start, *slot;
  int64_t last, slots;

  __device__ InputError operator()(int64_t b) const {
    InputError error = ValidateRange(kCacheWriteStart, InputError::kStart, b, start[b], 0, last);
    if (error.kind != InputError::kNone) return error;
    error = ValidateRange(kCacheWriteSlot, InputError::kSlot, b, slot[b], 0, slots - 1);
    if (error.kind != InputError::kNone) return error;
    for (int64_t other = 0; other < b; ++other) {
      if (slot[other] == slot[b]) return SameSlot(kCacheWriteSlot, slot[b], other, b);
    }
    return error;
  }
};

}  // namespace

Outcome RunCacheWrite(const Call& call, Message& message) {
  const Shape &cache = InputShape(call, 0), &x = InputShape(call, 1);
  const int32_t *start = Input<const int32_t>(call, 2), *slot = Input<const int32_t>(call, 3);
  const int64_t length = x[1], places = cache[1];
  const Outcome outcome = ValidateEach(call, message, x[0], ValidateSequence{start, slot, places - length, cache[0]});
  if (outcome != Outcome::kOk) return outcome;
  return MoveRows(call, message, x[0] * length, x[2], Input<const float>(call, 1), Output<float>(call, 0),
                  [=] __device__(int64_t r) {
                    const int64_t b = r / length, t = r - b * length;
                    return Way{r, slot[b] * places + start[b] + t};
                  });
}

}  // namespace nano::cuda
