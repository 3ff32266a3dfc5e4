// Every op's kernel, each defined in its own file.
#pragma once

#include "metal/kernel.h"

namespace nano::metal {

Outcome RunFill(const Call& call, Message& message);
Outcome RunTrilMean(const Call& call, Message& message);
Outcome RunCopy(const Call& call, Message& message);
Outcome RunCast(const Call& call, Message& message);
Outcome RunGatherBatch(const Call& call, Message& message);
Outcome RunPositions(const Call& call, Message& message);
Outcome RunEmbedding(const Call& call, Message& message);
Outcome RunEmbeddingBackward(const Call& call, Message& message);
Outcome RunMatmul(const Call& call, Message& message);
Outcome RunBatchedMatmul(const Call& call, Message& message);
Outcome RunAdd(const Call& call, Message& message);
Outcome RunSumLeading(const Call& call, Message& message);
Outcome RunRelu(const Call& call, Message& message);
Outcome RunReluBackward(const Call& call, Message& message);
Outcome RunReluSquared(const Call& call, Message& message);
Outcome RunReluSquaredBackward(const Call& call, Message& message);
Outcome RunGelu(const Call& call, Message& message);
Outcome RunGeluBackward(const Call& call, Message& message);
Outcome RunSwiglu(const Call& call, Message& message);
Outcome RunSwigluBackward(const Call& call, Message& message);
Outcome RunSoftCap(const Call& call, Message& message);
Outcome RunSoftCapBackward(const Call& call, Message& message);
Outcome RunDropout(const Call& call, Message& message);
Outcome RunLayerNorm(const Call& call, Message& message);
Outcome RunLayerNormBackward(const Call& call, Message& message);
Outcome RunRmsNorm(const Call& call, Message& message);
Outcome RunRmsNormBackward(const Call& call, Message& message);
Outcome RunRope(const Call& call, Message& message);
Outcome RunMaskedSoftmax(const Call& call, Message& message);
Outcome RunMaskedSoftmaxBackward(const Call& call, Message& message);
Outcome RunAttention(const Call& call, Message& message);
Outcome RunAttentionBackward(const Call& call, Message& message);
Outcome RunCrossEntropy(const Call& call, Message& message);
Outcome RunCrossEntropyBackward(const Call& call, Message& message);
Outcome RunAccumulate(const Call& call, Message& message);
Outcome RunZero(const Call& call, Message& message);
Outcome RunGlobalNorm(const Call& call, Message& message);
Outcome RunClipScale(const Call& call, Message& message);
Outcome RunRequireFinite(const Call& call, Message& message);
Outcome RunAdamw(const Call& call, Message& message);
Outcome RunSgd(const Call& call, Message& message);
Outcome RunMuon(const Call& call, Message& message);
Outcome RunEma(const Call& call, Message& message);
Outcome RunCacheWrite(const Call& call, Message& message);
Outcome RunSelectRow(const Call& call, Message& message);
Outcome RunCountTokens(const Call& call, Message& message);
Outcome RunRepetitionPenalty(const Call& call, Message& message);
Outcome RunSample(const Call& call, Message& message);
Outcome RunLinear(const Call& call, Message& message);
Outcome RunDropoutAdd(const Call& call, Message& message);
Outcome RunMatmulAccumulate(const Call& call, Message& message);

size_t ScratchEmbeddingBackward(const OpView& op, const Params& params);
size_t ScratchMatmul(const OpView& op, const Params& params);
size_t ScratchBatchedMatmul(const OpView& op, const Params& params);
size_t ScratchSumLeading(const OpView& op, const Params& params);
size_t ScratchLayerNormBackward(const OpView& op, const Params& params);
size_t ScratchRmsNormBackward(const OpView& op, const Params& params);
size_t ScratchAttention(const OpView& op, const Params& params);
size_t ScratchAttentionBackward(const OpView& op, const Params& params);
size_t ScratchCrossEntropy(const OpView& op, const Params& params);
size_t ScratchGlobalNorm(const OpView& op, const Params& params);
size_t ScratchAdamw(const OpView& op, const Params& params);
size_t ScratchMuon(const OpView& op, const Params& params);
size_t ScratchSample(const OpView& op, const Params& params);
size_t ScratchLinear(const OpView& op, const Params& params);
size_t ScratchMatmulAccumulate(const OpView& op, const Params& params);

// Its number of a float's first element that is not finite becomes the control's complaint.
Outcome CheckFinite(const Call& call, size_t output, Message& message);

// All of these.
const gpu::Kernel* Kernels();
size_t KernelCount();

}  // namespace nano::metal
