// Every op's kernel, each defined in its own file.
#pragma once

#include "cuda/kernel.cuh"

namespace nano::cuda {

Outcome RunAdd(const Call& call, Message& message);
Outcome RunFill(const Call& call, Message& message);

}  // namespace nano::cuda
