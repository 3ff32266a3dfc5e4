// How kernels of every backend make their complaints.
#pragma once

#include "engine/inline.h"
#include "ops/complaint.h"

namespace nano {

// kNone if the value is in [low, high].
NANO_INLINE Complaint JudgeRange(uint32_t input, Complaint::What what, int64_t index, int64_t value, int64_t low,
                                 int64_t high) {
  Complaint complaint = {};
  if (low <= value && value <= high) return complaint;
  complaint.kind = Complaint::kOutOfRange;
  complaint.what = what;
  complaint.index = index;
  complaint.value = value;
  complaint.low = low;
  complaint.high = high;
  complaint.input = input;
  return complaint;
}

// The one number in an input is none that the op can use.
NANO_INLINE Complaint BadNumber(uint32_t input, Complaint::What what, float number) {
  Complaint complaint = {};
  complaint.kind = Complaint::kBadNumber;
  complaint.what = what;
  complaint.index = -1;
  complaint.number = number;
  complaint.input = input;
  return complaint;
}

NANO_INLINE Complaint NotFinite(uint32_t input, float number) {
  Complaint complaint = {};
  complaint.kind = Complaint::kNotFinite;
  complaint.number = number;
  complaint.input = input;
  return complaint;
}

// Two sequences of one call, `first` and `second`, are in one slot of a cache.
NANO_INLINE Complaint SameSlot(uint32_t input, int64_t slot, int64_t first, int64_t second) {
  Complaint complaint = {};
  complaint.kind = Complaint::kSameSlot;
  complaint.index = second;
  complaint.value = slot;
  complaint.low = first;
  complaint.input = input;
  return complaint;
}

NANO_INLINE Complaint NothingToSample(uint32_t input, int64_t row) {
  Complaint complaint = {};
  complaint.kind = Complaint::kNothingToSample;
  complaint.index = row;
  complaint.input = input;
  return complaint;
}

}  // namespace nano
