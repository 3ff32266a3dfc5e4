// Every op's kernel, each defined in its own file.
#pragma once

#include "cuda/kernel.cuh"

namespace nano::cuda {

Outcome RunAdd(const Call& call, Message& message);
Outcome RunBatchedMatmul(const Call& call, Message& message);
Outcome RunFill(const Call& call, Message& message);
Outcome RunLinear(const Call& call, Message& message);
Outcome RunMatmul(const Call& call, Message& message);
Outcome RunMatmulAccumulate(const Call& call, Message& message);

size_t ScratchBatchedMatmul(const OpView& op, const Params& params);
size_t ScratchLinear(const OpView& op, const Params& params);
size_t ScratchMatmul(const OpView& op, const Params& params);
size_t ScratchMatmulAccumulate(const OpView& op, const Params& params);

}  // namespace nano::cuda
