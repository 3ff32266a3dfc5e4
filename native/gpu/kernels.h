// Every op's kernel on GPUs, each defined in its own file of the backend that NANO_GPU names, and the list of them.
#pragma once

#include "gpu/driver.h"

namespace nano::NANO_GPU {

using gpu::Call;
using gpu::Message;
using gpu::Outcome;

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

// Checks of contents, whose complaint is the control's. To be enqueued before anything that relies on them. Every i32
// of an input must be in [low, high].
Outcome CheckRange(const Call& call, Message& message, size_t input, Complaint::What what, int64_t low, int64_t high);
// Every element of an output, if it is of floats, must be finite.
Outcome CheckFinite(const Call& call, size_t output, Message& message);

// In the order of docs/program.md.
inline constexpr gpu::Kernel kKernels[] = {
    {"fill", RunFill},
    {"tril_mean", RunTrilMean},
    {"copy", RunCopy},
    {"cast", RunCast},
    {"gather_batch", RunGatherBatch},
    {"positions", RunPositions},
    {"embedding", RunEmbedding},
    {"embedding_backward", RunEmbeddingBackward, ScratchEmbeddingBackward},
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
    {"rope", RunRope},
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
    {"dropout_add", RunDropoutAdd},
    {"matmul_accumulate", RunMatmulAccumulate, ScratchMatmulAccumulate},
};

}  // namespace nano::NANO_GPU
