// The list of all kernels, in the order of docs/program.md.
#include "cuda/kernels.h"
#include "cuda/table.cuh"

namespace nano::cuda {
namespace {

constexpr bool kElementwise = true;

constexpr gpu::Kernel kKernels[] = {
    {"fill", RunFill},
    {"add", RunAdd, nullptr, kElementwise},
    {"attention", RunAttention, ScratchAttention},
    {"attention_backward", RunAttentionBackward, ScratchAttentionBackward},
};

}  // namespace

const gpu::Kernel* Kernels() { return kKernels; }
size_t KernelCount() { return sizeof(kKernels) / sizeof(kKernels[0]); }

}  // namespace nano::cuda
