#pragma once

#include "gpu/driver.h"

namespace nano::metal {

const gpu::Module& Module();

}  // namespace nano::metal
