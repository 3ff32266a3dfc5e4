// Checks of contents, which complain of the first that is wrong. (CheckFinite stands in kernels.h.)
#pragma once

#include "metal/kernel.h"

namespace nano::metal {

// Every i32 of an input must be in [low, high]. To be enqueued before anything that relies on it.
Outcome CheckRange(const Call& call, Message& message, size_t input, Complaint::What what, int64_t low, int64_t high);

}  // namespace nano::metal
