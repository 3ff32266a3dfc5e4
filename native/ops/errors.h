// What kernels say about the contents of their inputs. Compiled once, not for each instruction set.
#pragma once

#include <cstdint>

#include "engine/status.h"

namespace nano {

// "<op>: <what> <index> is <value>, it must be in [<low>, <high>]".
Status OutOfRange(const char* op, const char* what, int64_t index, int64_t value, int64_t low, int64_t high);
// The same for one number that stands alone.
Status OutOfRange(const char* op, const char* what, int64_t value, int64_t low, int64_t high);
// "<op>: <what> is <value>, it must be <wanted>".
Status BadNumber(const char* op, const char* what, float value, const char* wanted);
// Two sequences of one call in the same slot of a cache.
Status SameSlot(const char* op, int64_t slot, int64_t first, int64_t second);
Status NothingToSample(int64_t row);
Status NotFinite(float value);

}  // namespace nano
