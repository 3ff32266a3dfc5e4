// Every op's kernel, each defined in its own file.
#pragma once

#include "cuda/kernel.cuh"

namespace nano::cuda {

Outcome RunAdamw(const Call& call, Message& message);
Outcome RunAdd(const Call& call, Message& message);
Outcome RunCrossEntropy(const Call& call, Message& message);
Outcome RunCrossEntropyBackward(const Call& call, Message& message);
Outcome RunEma(const Call& call, Message& message);
Outcome RunFill(const Call& call, Message& message);
Outcome RunGlobalNorm(const Call& call, Message& message);
Outcome RunLayerNorm(const Call& call, Message& message);
Outcome RunLayerNormBackward(const Call& call, Message& message);
Outcome RunMaskedSoftmax(const Call& call, Message& message);
Outcome RunMaskedSoftmaxBackward(const Call& call, Message& message);
Outcome RunMuon(const Call& call, Message& message);
Outcome RunRepetitionPenalty(const Call& call, Message& message);
Outcome RunRmsNorm(const Call& call, Message& message);
Outcome RunRmsNormBackward(const Call& call, Message& message);
Outcome RunRope(const Call& call, Message& message);
Outcome RunSample(const Call& call, Message& message);
Outcome RunSgd(const Call& call, Message& message);

size_t ScratchAdamw(const OpView& op, const Params& params);
size_t ScratchCrossEntropy(const OpView& op, const Params& params);
size_t ScratchGlobalNorm(const OpView& op, const Params& params);
size_t ScratchLayerNormBackward(const OpView& op, const Params& params);
size_t ScratchMuon(const OpView& op, const Params& params);
size_t ScratchRmsNormBackward(const OpView& op, const Params& params);
size_t ScratchSample(const OpView& op, const Params& params);

}  // namespace nano::cuda
