// What kernels say of contents, on every GPU.
#pragma once

#include "engine/inline.h"
#include "ops/complaint.h"

namespace nano {

// kNone if the value is in [low, high].
NANO_INLINE Complaint JudgeRange(Complaint::What what, int64_t index, int64_t value, int64_t low, int64_t high) {
  Complaint complaint = {};
  if (low <= value && value <= high) return complaint;
  complaint.kind = Complaint::kOutOfRange;
  complaint.what = what;
  complaint.index = index;
  complaint.value = value;
  complaint.low = low;
  complaint.high = high;
  return complaint;
}

}  // namespace nano
