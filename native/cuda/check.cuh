// Checks of contents, which complain of the first that is wrong.
#pragma once

#include "cuda/kernel.cuh"

namespace nano::cuda {

// Every i32 of an input must be in [low, high]. To be enqueued before anything that relies on it.
Outcome CheckRange(const Call& call, Message& message, size_t input, Complaint::What what, int64_t low, int64_t high);

// Every element of an output, if it is of floats, must be finite.
Outcome CheckFinite(const Call& call, size_t output, Message& message);

}  // namespace nano::cuda
