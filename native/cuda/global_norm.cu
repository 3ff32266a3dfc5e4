// global_norm: the square root of the sum of all squares, in double. Each chunk is summed
// separately; the sums of the chunks are then added in a fixed order.
#include "cuda/kernels.h"
#include "cuda/many.cuh"

namespace nano::cuda {
namespace {

// One block per chunk.
__global__ void __launch_bounds__(kManyThreads)
    SquaresKernel(const Control* control, const Many<1> many, double* partial) {
  __shared__ double room[kManyThreads / kWarp];
  if (Stopped(control)) return;
  const Chunk chunk = ChunkOf(many);
  const float* x = many.data[0][chunk.index];
  double sums[4] = {0, 0, 0, 0};
#pragma unroll 4
  for (int64_t i = chunk.begin + 4 * static_cast<int64_t>(threadIdx.x); i < chunk.end; i += 4 * kManyThreads) {
    const Four four = LoadFour(x, i, chunk.end, 0);
    for (int j = 0; j < 4; ++j) sums[j] += static_cast<double>(four.v[j]) * four.v[j];
  }
  const double sum = BlockReduce<kManyThreads>((sums[0] + sums[2]) + (sums[1] + sums[3]), room, Add());
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// One block adds the chunks' sums.
__global__ void __launch_bounds__(kManyThreads)
    RootKernel(const Control* control, const double* partial, int64_t chunks, float* norm) {
  __shared__ double room[kManyThreads / kWarp];
  if (Stopped(control)) return;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < chunks; i += kManyThreads) sum += partial[i];
  sum = BlockReduce<kManyThreads>(sum, room, Add());
  if (threadIdx.x == 0) *norm = static_cast<float>(sqrt(sum));
}

}  // namespace

size_t ScratchGlobalNorm(const OpView& op, const Params&) {
  int64_t chunks = 0;
  for (const TensorSpec& x : op.inputs) chunks += ChunksOf(x.elements());
  return static_cast<size_t>(chunks) * sizeof(double);
}

Outcome RunGlobalNorm(const Call& call, Message& message) {
  auto* partial = static_cast<double*>(call.scratch);
  int64_t total = 0;
  const gpu::Tensor* const first[] = {call.inputs};
  const Outcome outcome = ForMany(first, call.input_count, [&](const Many<1>& many, int64_t chunks, int64_t before) {
    total = before + chunks;
    return Launch(call, message, {chunks, kManyThreads}, SquaresKernel, call.control, many, partial + before);
  });
  if (outcome != Outcome::kOk) return outcome;
  return Launch(call, message, {1, kManyThreads}, RootKernel, call.control, partial, total, Output<float>(call, 0));
}

}  // namespace nano::cuda
