// What is said, and of which buffer, when an execution ends early: the same for every backend.
#pragma once

#include <cstddef>

#include "engine/backend.h"
#include "ops/input_error.h"

namespace nano {

// A error of one of a Program's ops in words, with the buffer whose contents are to blame.
OpFailure Explain(const Program& program, size_t op, const InputError& error);

}  // namespace nano
