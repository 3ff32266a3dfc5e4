// Makes the error messages of failed executions, the same for every backend.
#pragma once

#include <cstddef>

#include "engine/backend.h"
#include "ops/input_error.h"

namespace nano {

// Converts an error of op `op` to a message and the buffer with the invalid contents.
OpFailure Explain(const Program& program, size_t op, const InputError& error);

}  // namespace nano
