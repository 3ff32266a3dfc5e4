// What a kernel has against the contents of its inputs: plain data, so that a kernel on a GPU can say it too.
#pragma once

#include <cstdint>

namespace nano {

struct Complaint {
  enum Kind : uint32_t { kNone, kOutOfRange, kBadNumber, kSameSlot, kNothingToSample, kNotFinite, kNotFiniteOutput };
  enum What : uint32_t {
    kToken,
    kTarget,
    kStart,
    kSlot,
    kOffset,
    kPosition,
    kRow,
    kStep,
    kTemperature,
    kTopK,
    kTopP,
    kMinP,
    kPenalty
  };
  Kind kind;
  What what;
  int64_t index;      // in its tensor, or the row; −1 for a number that stands alone
  int64_t value;      // kNotFiniteOutput: which of the op's outputs
  int64_t low, high;  // kSameSlot: `low` is the sequence that has the slot already
  float number;       // kBadNumber, kNotFinite
};

}  // namespace nano
