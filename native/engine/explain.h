// What is said, and of which buffer, when an execution ends early: the same for every backend.
#pragma once

#include <cstddef>
#include <optional>

#include "engine/backend.h"
#include "ops/complaint.h"

namespace nano {

// The op's error with the buffer whose contents are to blame.
OpFailure Blame(const Program& program, size_t op, Status status);

// For checkFinite: an output that isn't finite at this element.
OpFailure NotFiniteOutput(const Program& program, size_t op, size_t output, int64_t element);

// A kernel's complaint in words.
OpFailure Explain(const Program& program, size_t op, const Complaint& complaint);

}  // namespace nano
