#pragma once

#include "gpu/driver.h"

namespace nano::metal {

const gpu::Module& Module();

// Of a command buffer, by what its launches are estimated to take. Tests make it less.
extern double most_seconds;

}  // namespace nano::metal
