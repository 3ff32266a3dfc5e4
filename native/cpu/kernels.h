// Every op's kernel, each defined in its own file, for the instruction set that a source is compiled for.
#pragma once

#include <math.h>

#include <cstddef>
#include <span>

#include "cpu/kernel.h"
#include "cpu/simd.h"

namespace nano::cpu::NANO_ISA {

Status RunFill(const Call& call);
Status RunTrilMean(const Call& call);
Status RunCopy(const Call& call);
Status RunCountTokens(const Call& call);
Status RunGatherBatch(const Call& call);
Status RunPositions(const Call& call);
Status RunEmbedding(const Call& call);
Status RunEmbeddingBackward(const Call& call);
Status RunMatmul(const Call& call);
Status RunBatchedMatmul(const Call& call);
Status RunAdd(const Call& call);
Status RunSumLeading(const Call& call);
Status RunRelu(const Call& call);
Status RunReluBackward(const Call& call);
Status RunReluSquared(const Call& call);
Status RunReluSquaredBackward(const Call& call);
Status RunGelu(const Call& call);
Status RunGeluBackward(const Call& call);
Status RunSwiglu(const Call& call);
Status RunSwigluBackward(const Call& call);
Status RunSoftCap(const Call& call);
Status RunSoftCapBackward(const Call& call);
Status RunDropout(const Call& call);
Status RunLayerNorm(const Call& call);
Status RunLayerNormBackward(const Call& call);
Status RunRmsNorm(const Call& call);
Status RunRmsNormBackward(const Call& call);
Status RunRope(const Call& call);
Status RunMaskedSoftmax(const Call& call);
Status RunMaskedSoftmaxBackward(const Call& call);
Status RunAttention(const Call& call);
Status RunAttentionBackward(const Call& call);
Status RunCrossEntropy(const Call& call);
Status RunCrossEntropyBackward(const Call& call);
Status RunAccumulate(const Call& call);
Status RunZero(const Call& call);
Status RunGlobalNorm(const Call& call);
Status RunClipScale(const Call& call);
Status RunRepetitionPenalty(const Call& call);
Status RunRequireFinite(const Call& call);
Status RunAdamw(const Call& call);
Status RunSgd(const Call& call);
Status RunMuon(const Call& call);
Status RunEma(const Call& call);
Status RunCacheWrite(const Call& call);
Status RunSelectRow(const Call& call);
Status RunSample(const Call& call);
Status RunLinear(const Call& call);
Status RunDropoutAdd(const Call& call);
Status RunMatmulAccumulate(const Call& call);

size_t ScratchMatmul(const OpView& op, const Params& params, int threads);
size_t ScratchBatchedMatmul(const OpView& op, const Params& params, int threads);
size_t ScratchSample(const OpView& op, const Params& params, int threads);
size_t ScratchSumLeading(const OpView& op, const Params& params, int threads);
size_t ScratchLayerNormBackward(const OpView& op, const Params& params, int threads);
size_t ScratchRmsNormBackward(const OpView& op, const Params& params, int threads);
size_t ScratchRope(const OpView& op, const Params& params, int threads);
size_t ScratchAttention(const OpView& op, const Params& params, int threads);
size_t ScratchAttentionBackward(const OpView& op, const Params& params, int threads);
size_t ScratchCrossEntropy(const OpView& op, const Params& params, int threads);
size_t ScratchGlobalNorm(const OpView& op, const Params& params, int threads);
size_t ScratchMuon(const OpView& op, const Params& params, int threads);
size_t ScratchLinear(const OpView& op, const Params& params, int threads);
size_t ScratchMatmulAccumulate(const OpView& op, const Params& params, int threads);

std::span<const Kernel> Kernels();

}  // namespace nano::cpu::NANO_ISA
