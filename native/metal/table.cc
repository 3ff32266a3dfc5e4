// The list of all kernels, in the order of docs/program.md.
#include "metal/kernels.h"

namespace nano::metal {
namespace {

constexpr bool kElementwise = true;

constexpr gpu::Kernel kKernels[] = {
    {"fill", RunFill},
    {"tril_mean", RunTrilMean},
    {"copy", RunCopy},
    {"cast", RunCast, nullptr, kElementwise},
    {"gather_batch", RunGatherBatch},
    {"positions", RunPositions},
    {"embedding", RunEmbedding},
    {"embedding_backward", RunEmbeddingBackward, ScratchEmbeddingBackward},
    {"matmul", RunMatmul, ScratchMatmul},
    {"batched_matmul", RunBatchedMatmul, ScratchBatchedMatmul},
    {"add", RunAdd, nullptr, kElementwise},
    {"sum_leading", RunSumLeading, ScratchSumLeading},
    {"relu", RunRelu, nullptr, kElementwise},
    {"relu_backward", RunReluBackward, nullptr, kElementwise},
    {"relu_squared", RunReluSquared, nullptr, kElementwise},
    {"relu_squared_backward", RunReluSquaredBackward, nullptr, kElementwise},
    {"gelu", RunGelu, nullptr, kElementwise},
    {"gelu_backward", RunGeluBackward, nullptr, kElementwise},
    {"swiglu", RunSwiglu, nullptr, kElementwise},
    {"swiglu_backward", RunSwigluBackward, nullptr, kElementwise},
    {"soft_cap", RunSoftCap, nullptr, kElementwise},
    {"soft_cap_backward", RunSoftCapBackward, nullptr, kElementwise},
    {"dropout", RunDropout, nullptr, kElementwise},
    {"layer_norm", RunLayerNorm},
    {"layer_norm_backward", RunLayerNormBackward, ScratchLayerNormBackward},
    {"rms_norm", RunRmsNorm, nullptr, kElementwise},
    {"rms_norm_backward", RunRmsNormBackward, ScratchRmsNormBackward, kElementwise},
    {"rope", RunRope, nullptr, kElementwise},
    {"masked_softmax", RunMaskedSoftmax},
    {"masked_softmax_backward", RunMaskedSoftmaxBackward},
    {"attention", RunAttention, ScratchAttention},
    {"attention_backward", RunAttentionBackward, ScratchAttentionBackward},
    {"cross_entropy", RunCrossEntropy, ScratchCrossEntropy},
    {"cross_entropy_backward", RunCrossEntropyBackward},
    {"accumulate", RunAccumulate},
    {"zero", RunZero},
    {"global_norm", RunGlobalNorm, ScratchGlobalNorm},
    {"clip_scale", RunClipScale},
    {"require_finite", RunRequireFinite},
    {"adamw", RunAdamw, ScratchAdamw},
    {"sgd", RunSgd},
    {"muon", RunMuon, ScratchMuon},
    {"ema", RunEma},
    {"cache_write", RunCacheWrite},
    {"select_row", RunSelectRow},
    {"count_tokens", RunCountTokens},
    {"repetition_penalty", RunRepetitionPenalty},
    {"sample", RunSample, ScratchSample},
    {"linear", RunLinear, ScratchLinear},
    {"dropout_add", RunDropoutAdd, nullptr, kElementwise},
    {"matmul_accumulate", RunMatmulAccumulate, ScratchMatmulAccumulate},
};

}  // namespace

const gpu::Kernel* Kernels() { return kKernels; }
size_t KernelCount() { return sizeof(kKernels) / sizeof(kKernels[0]); }

}  // namespace nano::metal
