#pragma once

#include <cstddef>

#include "gpu/driver.h"

namespace nano::cuda {

const gpu::Kernel* Kernels();
size_t KernelCount();

}  // namespace nano::cuda
