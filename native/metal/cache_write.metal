// cache_write: writes new rows into slots of a cache.
#include "metal/move_rows.h"
#include "metal/validate.h"

struct CacheWriteArguments {
  MoveRowsArguments move;
  uint32_t batch, length;  // of the new rows
  uint32_t slots, places;  // of the cache
  uint32_t op;
};

#if defined(__METAL_VERSION__)

// The error of sequence b: its start, its slot, or an earlier sequence with the same slot.
struct ValidateSequence {
  device const int *start, *slot;
  long last, slots;

  InputError operator()(uint b) const {
    InputError error = ValidateRange(kCacheWriteStart, InputError::kStart, b, start[b], 0, last);
    if (error.kind != InputError::kNone) return error;
    error = ValidateRange(kCacheWriteSlot, InputError::kSlot, b, slot[b], 0, slots - 1);
    if (error.kind != InputError::kNone) return error;
    for (uint other = 0; other < b; ++other) {
      if (slot[other] == slot[b]) return SameSlot(kCacheWriteSlot, slot[b], other, b);
    }
    return error;
  }
};

[[max_total_threads_per_threadgroup(1024)]] kernel void examine_sequences(
    device Control& control [[buffer(0)]], constant CacheWriteArguments& arguments [[buffer(1)]],
    device const int* start [[buffer(2)]], device const int* slot [[buffer(3)]],
    uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
    uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint room[kSimd];
  const ValidateSequence validate = {start, slot, long(arguments.places) - long(arguments.length), arguments.slots};
  ValidateEach(control, arguments.op, arguments.batch, validate, room, Threads{lane, simdgroup, simdgroups});
}

struct MoveToSlot {
  device const int *start, *slot;
  uint length, places;

  Way operator()(uint r) const {
    const uint b = r / length, t = r - b * length;
    return Way{r, uint(slot[b]) * places + uint(start[b]) + t};
  }
};

kernel void cache_write(device const Control& control [[buffer(0)]],
                        constant CacheWriteArguments& arguments [[buffer(1)]], device float* cache [[buffer(2)]],
                        device const float* x [[buffer(3)]], device const int* start [[buffer(4)]],
                        device const int* slot [[buffer(5)]], uint i [[thread_position_in_grid]]) {
  if (Stopped(control)) return;
  MoveUnit(arguments.move, i, x, cache, MoveToSlot{start, slot, arguments.length, arguments.places});
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunCacheWrite(const Call& call, Message& message) {
  const Shape &cache = InputShape(call, 0), &x = InputShape(call, 1);
  const CacheWriteArguments arguments = {ArgumentsOfMove(x[0] * x[1], x[2]), static_cast<uint32_t>(x[0]),
                                         static_cast<uint32_t>(x[1]),        static_cast<uint32_t>(cache[0]),
                                         static_cast<uint32_t>(cache[1]),    call.op};
  const Outcome outcome = Launch(call, message, kExamineGrid, {"cache_write", "examine_sequences"}, {InQuads(x[2])},
                                 arguments, {call.inputs[2], call.inputs[3]});
  if (outcome != Outcome::kOk) return outcome;
  return Launch(call, message, GridOfElements(arguments.move.n), {"cache_write", "cache_write"}, {InQuads(x[2])},
                arguments, {call.outputs[0], call.inputs[1], call.inputs[2], call.inputs[3]});
}

}  // namespace nano::metal
#endif
