// Makes the InputErrors that kernels of all backends report.
#pragma once

#include "engine/inline.h"
#include "ops/input_error.h"

namespace nano {

// Returns an error of kind kNone if the value is in [low, high].
NANO_INLINE InputError ValidateRange(uint32_t input, InputError::What what, int64_t index, int64_t value, int64_t low,
                                     int64_t high) {
  InputError error = {};
  if (low <= value && value <= high) return error;
  error.kind = InputError::kOutOfRange;
  error.what = what;
  error.index = index;
  error.value = value;
  error.low = low;
  error.high = high;
  error.input = input;
  return error;
}

// An input that holds a single number has an invalid value.
NANO_INLINE InputError BadNumber(uint32_t input, InputError::What what, float number) {
  InputError error = {};
  error.kind = InputError::kBadNumber;
  error.what = what;
  error.index = -1;
  error.number = number;
  error.input = input;
  return error;
}

NANO_INLINE InputError NotFinite(uint32_t input, float number) {
  InputError error = {};
  error.kind = InputError::kNotFinite;
  error.number = number;
  error.input = input;
  return error;
}

// The op wrote a value that is not finite to its output number `output`. `index`: the element, or −1
// if it is unknown.
NANO_INLINE InputError NotFiniteOutput(int64_t output, int64_t index) {
  InputError error = {};
  error.kind = InputError::kNotFiniteOutput;
  error.index = index;
  error.value = output;
  return error;
}

// Two sequences of one call, `first` and `second`, have the same cache slot.
NANO_INLINE InputError SameSlot(uint32_t input, int64_t slot, int64_t first, int64_t second) {
  InputError error = {};
  error.kind = InputError::kSameSlot;
  error.index = second;
  error.value = slot;
  error.low = first;
  error.input = input;
  return error;
}

NANO_INLINE InputError NothingToSample(uint32_t input, int64_t row) {
  InputError error = {};
  error.kind = InputError::kNothingToSample;
  error.index = row;
  error.input = input;
  return error;
}

}  // namespace nano
