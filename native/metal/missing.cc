// Stand-ins until each is written.
#include <cstdio>

#include "metal/kernels.h"

namespace nano::metal {

#define RUN(name)                                                                         \
  __attribute__((weak)) Outcome name(const Call&, Message& message) {                     \
    std::snprintf(message.text, sizeof(message.text), "the GPU has no kernel for it yet"); \
    return Outcome::kUnsupported;                                                         \
  }
RUN(RunFill)
RUN(RunTrilMean)
RUN(RunCopy)
RUN(RunCast)
RUN(RunGatherBatch)
RUN(RunPositions)
RUN(RunEmbedding)
RUN(RunEmbeddingBackward)
RUN(RunMatmul)
RUN(RunBatchedMatmul)
RUN(RunAdd)
RUN(RunSumLeading)
RUN(RunRelu)
RUN(RunReluBackward)
RUN(RunReluSquared)
RUN(RunReluSquaredBackward)
RUN(RunGelu)
RUN(RunGeluBackward)
RUN(RunSwiglu)
RUN(RunSwigluBackward)
RUN(RunSoftCap)
RUN(RunSoftCapBackward)
RUN(RunDropout)
RUN(RunLayerNorm)
RUN(RunLayerNormBackward)
RUN(RunRmsNorm)
RUN(RunRmsNormBackward)
RUN(RunRope)
RUN(RunMaskedSoftmax)
RUN(RunMaskedSoftmaxBackward)
RUN(RunAttention)
RUN(RunAttentionBackward)
RUN(RunCrossEntropy)
RUN(RunCrossEntropyBackward)
RUN(RunAccumulate)
RUN(RunZero)
RUN(RunGlobalNorm)
RUN(RunClipScale)
RUN(RunRequireFinite)
RUN(RunAdamw)
RUN(RunSgd)
RUN(RunMuon)
RUN(RunEma)
RUN(RunCacheWrite)
RUN(RunSelectRow)
RUN(RunCountTokens)
RUN(RunRepetitionPenalty)
RUN(RunSample)
RUN(RunLinear)
RUN(RunDropoutAdd)
RUN(RunMatmulAccumulate)
#define SCRATCH(name) \
  __attribute__((weak)) size_t name(const OpView&, const Params&) { return 0; }
SCRATCH(ScratchEmbeddingBackward)
SCRATCH(ScratchMatmul)
SCRATCH(ScratchBatchedMatmul)
SCRATCH(ScratchSumLeading)
SCRATCH(ScratchLayerNormBackward)
SCRATCH(ScratchRmsNormBackward)
SCRATCH(ScratchAttention)
SCRATCH(ScratchAttentionBackward)
SCRATCH(ScratchCrossEntropy)
SCRATCH(ScratchGlobalNorm)
SCRATCH(ScratchAdamw)
SCRATCH(ScratchMuon)
SCRATCH(ScratchSample)
SCRATCH(ScratchLinear)
SCRATCH(ScratchMatmulAccumulate)
__attribute__((weak)) Outcome CheckFinite(const Call&, size_t, Message&) { return Outcome::kOk; }
}
