// The list of all kernels, in the order of docs/program.md.
#include "cuda/kernels.h"
#include "cuda/table.cuh"

namespace nano::cuda {
namespace {

constexpr bool kElementwise = true;

constexpr gpu::Kernel kKernels[] = {
    {"fill", RunFill},
    {"matmul", RunMatmul, ScratchMatmul},
    {"batched_matmul", RunBatchedMatmul, ScratchBatchedMatmul},
    {"add", RunAdd, nullptr, kElementwise},
    {"linear", RunLinear, ScratchLinear},
    {"matmul_accumulate", RunMatmulAccumulate, ScratchMatmulAccumulate},
};

}  // namespace

const gpu::Kernel* Kernels() { return kKernels; }
size_t KernelCount() { return sizeof(kKernels) / sizeof(kKernels[0]); }

}  // namespace nano::cuda
