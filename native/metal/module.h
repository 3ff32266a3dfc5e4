#pragma once

#include "gpu/driver.h"

namespace nano::metal {

const gpu::Module& Module();

// Longest estimated time of a command buffer, in seconds. Tests lower it.
extern double most_seconds;

}  // namespace nano::metal
