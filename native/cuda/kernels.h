// Every op's kernel, each defined in its own file.
#pragma once

#include "cuda/kernel.cuh"

namespace nano::cuda {

Outcome RunAdd(const Call& call, Message& message);
Outcome RunAttention(const Call& call, Message& message);
Outcome RunAttentionBackward(const Call& call, Message& message);
Outcome RunFill(const Call& call, Message& message);

size_t ScratchAttention(const OpView& op, const Params& params);
size_t ScratchAttentionBackward(const OpView& op, const Params& params);

}  // namespace nano::cuda
