// Stand-ins for kernels that are not written yet.
#include <cstdio>

#include "metal/kernels.h"

namespace nano::metal {

#define RUN(name)                                                                          \
  Outcome name(const Call&, Message& message) {                                            \
    std::snprintf(message.text, sizeof(message.text), "the GPU has no kernel for it yet"); \
    return Outcome::kUnsupported;                                                          \
  }
#define SCRATCH(name) \
  size_t name(const OpView&, const Params&) { return 0; }

#if !__has_include("metal/accumulate.metal")
RUN(RunAccumulate)
#endif
#if !__has_include("metal/adamw.metal")
SCRATCH(ScratchAdamw)
RUN(RunAdamw)
#endif
#if !__has_include("metal/add.metal")
RUN(RunAdd)
#endif
#if !__has_include("metal/attention.metal")
SCRATCH(ScratchAttention)
RUN(RunAttention)
#endif
#if !__has_include("metal/attention_backward.metal")
SCRATCH(ScratchAttentionBackward)
RUN(RunAttentionBackward)
#endif
#if !__has_include("metal/batched_matmul.metal")
SCRATCH(ScratchBatchedMatmul)
RUN(RunBatchedMatmul)
#endif
#if !__has_include("metal/cache_write.metal")
RUN(RunCacheWrite)
#endif
#if !__has_include("metal/cast.metal")
RUN(RunCast)
#endif
#if !__has_include("metal/check.metal")
Outcome CheckFinite(const Call&, size_t, Message&) { return Outcome::kOk; }
#endif
#if !__has_include("metal/clip_scale.metal")
RUN(RunClipScale)
#endif
#if !__has_include("metal/copy.metal")
RUN(RunCopy)
#endif
#if !__has_include("metal/count_tokens.metal")
RUN(RunCountTokens)
#endif
#if !__has_include("metal/cross_entropy.metal")
SCRATCH(ScratchCrossEntropy)
RUN(RunCrossEntropy)
RUN(RunCrossEntropyBackward)
#endif
#if !__has_include("metal/dropout.metal")
RUN(RunDropout)
#endif
#if !__has_include("metal/dropout_add.metal")
RUN(RunDropoutAdd)
#endif
#if !__has_include("metal/ema.metal")
RUN(RunEma)
#endif
#if !__has_include("metal/embedding.metal")
RUN(RunEmbedding)
SCRATCH(ScratchEmbeddingBackward)
RUN(RunEmbeddingBackward)
#endif
#if !__has_include("metal/fill.metal")
RUN(RunFill)
#endif
#if !__has_include("metal/gather_batch.metal")
RUN(RunGatherBatch)
#endif
#if !__has_include("metal/gelu.metal")
RUN(RunGelu)
RUN(RunGeluBackward)
#endif
#if !__has_include("metal/global_norm.metal")
SCRATCH(ScratchGlobalNorm)
RUN(RunGlobalNorm)
#endif
#if !__has_include("metal/layer_norm.metal")
RUN(RunLayerNorm)
SCRATCH(ScratchLayerNormBackward)
RUN(RunLayerNormBackward)
#endif
#if !__has_include("metal/linear.metal")
SCRATCH(ScratchLinear)
RUN(RunLinear)
#endif
#if !__has_include("metal/masked_softmax.metal")
RUN(RunMaskedSoftmax)
RUN(RunMaskedSoftmaxBackward)
#endif
#if !__has_include("metal/matmul.metal")
SCRATCH(ScratchMatmul)
RUN(RunMatmul)
#endif
#if !__has_include("metal/matmul_accumulate.metal")
SCRATCH(ScratchMatmulAccumulate)
RUN(RunMatmulAccumulate)
#endif
#if !__has_include("metal/muon.metal")
SCRATCH(ScratchMuon)
RUN(RunMuon)
#endif
#if !__has_include("metal/positions.metal")
RUN(RunPositions)
#endif
#if !__has_include("metal/relu.metal")
RUN(RunRelu)
RUN(RunReluBackward)
#endif
#if !__has_include("metal/relu_squared.metal")
RUN(RunReluSquared)
RUN(RunReluSquaredBackward)
#endif
#if !__has_include("metal/repetition_penalty.metal")
RUN(RunRepetitionPenalty)
#endif
#if !__has_include("metal/require_finite.metal")
RUN(RunRequireFinite)
#endif
#if !__has_include("metal/rms_norm.metal")
RUN(RunRmsNorm)
SCRATCH(ScratchRmsNormBackward)
RUN(RunRmsNormBackward)
#endif
#if !__has_include("metal/rope.metal")
RUN(RunRope)
#endif
#if !__has_include("metal/sample.metal")
SCRATCH(ScratchSample)
RUN(RunSample)
#endif
#if !__has_include("metal/select_row.metal")
RUN(RunSelectRow)
#endif
#if !__has_include("metal/sgd.metal")
RUN(RunSgd)
#endif
#if !__has_include("metal/soft_cap.metal")
RUN(RunSoftCap)
RUN(RunSoftCapBackward)
#endif
#if !__has_include("metal/sum_leading.metal")
SCRATCH(ScratchSumLeading)
RUN(RunSumLeading)
#endif
#if !__has_include("metal/swiglu.metal")
RUN(RunSwiglu)
RUN(RunSwigluBackward)
#endif
#if !__has_include("metal/tril_mean.metal")
RUN(RunTrilMean)
#endif
#if !__has_include("metal/zero.metal")
RUN(RunZero)
#endif

}  // namespace nano::metal
