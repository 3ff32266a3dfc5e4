// The list of all kernels, in the order of docs/program.md.
#include "cpu/kernels.h"

namespace nano::cpu::NANO_ISA {
namespace {

constexpr Kernel kKernels[] = {
    {"fill", RunFill},
    {"tril_mean", RunTrilMean},
    {"copy", RunCopy},
    {"gather_batch", RunGatherBatch},
    {"positions", RunPositions},
    {"embedding", RunEmbedding},
    {"embedding_backward", RunEmbeddingBackward},
    {"matmul", RunMatmul, ScratchMatmul},
    {"batched_matmul", RunBatchedMatmul, ScratchBatchedMatmul},
    {"add", RunAdd},
    {"sum_leading", RunSumLeading, ScratchSumLeading},
    {"relu", RunRelu},
    {"relu_backward", RunReluBackward},
    {"relu_squared", RunReluSquared},
    {"relu_squared_backward", RunReluSquaredBackward},
    {"gelu", RunGelu},
    {"gelu_backward", RunGeluBackward},
    {"swiglu", RunSwiglu},
    {"swiglu_backward", RunSwigluBackward},
    {"soft_cap", RunSoftCap},
    {"soft_cap_backward", RunSoftCapBackward},
    {"dropout", RunDropout},
    {"layer_norm", RunLayerNorm},
    {"layer_norm_backward", RunLayerNormBackward, ScratchLayerNormBackward},
    {"rms_norm", RunRmsNorm},
    {"rms_norm_backward", RunRmsNormBackward, ScratchRmsNormBackward},
    {"rope", RunRope, ScratchRope},
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
    {"adamw", RunAdamw},
    {"sgd", RunSgd},
    {"muon", RunMuon, ScratchMuon},
    {"ema", RunEma},
    {"cache_write", RunCacheWrite},
    {"select_row", RunSelectRow},
    {"count_tokens", RunCountTokens},
    {"repetition_penalty", RunRepetitionPenalty},
    {"sample", RunSample, ScratchSample},
    {"linear", RunLinear, ScratchLinear},
    {"dropout_add", RunDropoutAdd},
    {"matmul_accumulate", RunMatmulAccumulate, ScratchMatmulAccumulate},
};

}  // namespace

std::span<const Kernel> Kernels() { return kKernels; }

}  // namespace nano::cpu::NANO_ISA
