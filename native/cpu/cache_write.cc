// cache_write: writes new rows into the slots of a cache.
#include <cstring>

#include "cpu/kernels.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
namespace {

// The first earlier sequence with the same slot as sequence b, or −1.
int64_t SameSlotBefore(const int32_t* slot, int64_t b) {
  for (int64_t other = 0; other < b; ++other) {
    if (slot[other] == slot[b]) return other;
  }
  return -1;
}

}  // namespace

InputError RunCacheWrite(const Call& call) {
  const Shape &cache = call.inputs[0].spec->shape, &x = call.inputs[1].spec->shape;
  const int32_t *start = call.inputs[2].i32(), *slot = call.inputs[3].i32();
  const int64_t last = cache.dims[1] - x.dims[1], slots = cache.dims[0];
  // Validate all inputs before writing anything.
  for (int64_t b = 0; b < x.dims[0]; ++b) {
    if (start[b] < 0 || start[b] > last)
      return ValidateRange(kCacheWriteStart, InputError::kStart, b, start[b], 0, last);
    if (slot[b] < 0 || slot[b] >= slots)
      return ValidateRange(kCacheWriteSlot, InputError::kSlot, b, slot[b], 0, slots - 1);
    const int64_t other = SameSlotBefore(slot, b);
    if (other >= 0) return SameSlot(kCacheWriteSlot, slot[b], other, b);
  }
  const int64_t channels = x.dims[2], row = x.dims[1] * channels;
  for (int64_t b = 0; b < x.dims[0]; ++b) {
    std::memcpy(call.outputs[0].f32() + (slot[b] * cache.dims[1] + start[b]) * channels, call.inputs[1].f32() + b * row,
                static_cast<size_t>(row) * sizeof(float));
  }
  return {};
}

}  // namespace nano::cpu::NANO_ISA
