// The list of all kernels, in the order of docs/program.md.
#include "cuda/kernels.h"
#include "cuda/table.cuh"

namespace nano::cuda {
namespace {

constexpr bool kElementwise = true;

constexpr gpu::Kernel kKernels[] = {
    {"fill", RunFill},
    {"add", RunAdd, nullptr, kElementwise},
    {"layer_norm", RunLayerNorm},
    {"layer_norm_backward", RunLayerNormBackward, ScratchLayerNormBackward},
    {"rms_norm", RunRmsNorm, nullptr, kElementwise},
    {"rms_norm_backward", RunRmsNormBackward, ScratchRmsNormBackward, kElementwise},
    {"rope", RunRope, nullptr, kElementwise},
    {"masked_softmax", RunMaskedSoftmax},
    {"masked_softmax_backward", RunMaskedSoftmaxBackward},
    {"cross_entropy", RunCrossEntropy, ScratchCrossEntropy},
    {"cross_entropy_backward", RunCrossEntropyBackward},
    {"global_norm", RunGlobalNorm, ScratchGlobalNorm},
    {"adamw", RunAdamw, ScratchAdamw},
    {"sgd", RunSgd},
    {"muon", RunMuon, ScratchMuon},
    {"ema", RunEma},
    {"repetition_penalty", RunRepetitionPenalty},
    {"sample", RunSample, ScratchSample},
};

}  // namespace

const gpu::Kernel* Kernels() { return kKernels; }
size_t KernelCount() { return sizeof(kKernels) / sizeof(kKernels[0]); }

}  // namespace nano::cuda
