// cross_entropy and its gradient.
#include "cuda/kernels.h"
#include "cuda/rows.cuh"
#include "ops/math.h"

namespace nano::cuda {
namespace {

// The largest of some logits, and their Σ exp(x − top).
struct Mass {
  float top = -INFINITY, sum = 0;

  // 0 if all logits are −Infinity: −Infinity − −Infinity would be NaN.
  __device__ __forceinline__ static float Shift(float top) { return top == -INFINITY ? 0 : top; }
  __device__ __forceinline__ float SumAt(float shift) const { return sum * expf(top - shift); }
};

// Combines the masses of two sets. `top` ignores NaN, but `sum` keeps it.
__device__ __forceinline__ Mass Together(const Mass& a, const Mass& b) {
  Mass both;
  both.top = fmaxf(a.top, b.top);
  const float shift = Mass::Shift(both.top);
  both.sum = a.SumAt(shift) + b.SumAt(shift);
  return both;
}

constexpr int kTogether = 4;  // fours that are loaded before any of them is used

// The mass of the thread's part of a row, which is read once.
template <class Plan>
__device__ __forceinline__ Mass MassOf(const float* row, int64_t n, int64_t lead) {
  Mass mass;
  for (int64_t i = 4 * Plan::Lane() - lead; i < n; i += 4 * kTogether * Plan::kThreads) {
    Four x[kTogether];
#pragma unroll
    for (int k = 0; k < kTogether; ++k) x[k] = LoadFour(row, i + 4 * k * Plan::kThreads, n, -INFINITY);
    float top = mass.top;
#pragma unroll
    for (int k = 0; k < kTogether; ++k) {
      for (int j = 0; j < 4; ++j) top = fmaxf(top, x[k].v[j]);
    }
    const float shift = Mass::Shift(top);
    mass.sum = mass.SumAt(shift);
    mass.top = top;
#pragma unroll
    for (int k = 0; k < kTogether; ++k) {
      for (int j = 0; j < 4; ++j) mass.sum += expf(x[k].v[j] - shift);
    }
  }
  return mass;
}

// Combines the masses of the threads of a row. Only the first thread gets the result.
template <class Plan>
__device__ __forceinline__ Mass ReduceMass(Mass mass, float (*room)[2]) {
#pragma unroll
  for (int offset = (Plan::kThreads < kWarp ? Plan::kThreads : kWarp) / 2; offset > 0; offset /= 2) {
    Mass other;
    other.top = __shfl_xor_sync(~0u, mass.top, offset);
    other.sum = __shfl_xor_sync(~0u, mass.sum, offset);
    mass = Together(mass, other);
  }
  if constexpr (Plan::kThreads > kWarp) {
    if (threadIdx.x % kWarp == 0) {
      room[threadIdx.x / kWarp][0] = mass.top;
      room[threadIdx.x / kWarp][1] = mass.sum;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      for (int warp = 1; warp < Plan::kWarps; ++warp) {
        Mass other;
        other.top = room[warp][0];
        other.sum = room[warp][1];
        mass = Together(mass, other);
      }
    }
    __syncthreads();
  }
  return mass;
}

// A group of threads reads a row once: whenever the maximum grows, the sum so far is rescaled. The
// losses of a block are summed in its element of `partial`.
template <class Plan>
__global__ void __launch_bounds__(Plan::kBlock)
    LossKernel(const Control* control, const float* logits, const int32_t* targets, int64_t rows, int64_t n, float* lse,
               double* partial) {
  __shared__ float room[Plan::kWarps][2];
  __shared__ double losses[Plan::kWarps];
  if (Stopped(control)) return;
  double loss = 0;
  Plan::ForRows(rows, [&](int64_t r, bool mine) {
    const float* row = logits + r * n;
    const Mass mass = ReduceMass<Plan>(MassOf<Plan>(row, mine ? n : 0, (r * n) & 3), room);
    if (!mine || Plan::Lane() != 0) return;
    const double of_row = static_cast<double>(Mass::Shift(mass.top)) + Log(mass.sum);
    lse[r] = static_cast<float>(of_row);
    loss += of_row - static_cast<double>(row[targets[r]]);
  });
  loss = BlockReduce<Plan::kBlock>(loss, losses, Add());
  if (threadIdx.x == 0) partial[blockIdx.x] = loss;
}

constexpr int kMeanThreads = 256;

__global__ void __launch_bounds__(kMeanThreads)
    MeanKernel(const Control* control, const double* partial, int64_t blocks, int64_t rows, float* loss) {
  __shared__ double room[kMeanThreads / kWarp];
  if (Stopped(control)) return;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < blocks; i += kMeanThreads) sum += partial[i];
  sum = BlockReduce<kMeanThreads>(sum, room, Add());
  if (threadIdx.x == 0) *loss = static_cast<float>(sum / static_cast<double>(rows));
}

// Every element is independent. At the target, 1 is subtracted before the multiplication, so that a
// probability near 1 keeps its digits.
template <class Plan>
__global__ void __launch_bounds__(Plan::kBlock)
    BackwardKernel(const Control* control, const float* logits, const int32_t* targets, const float* lse,
                   const float* dloss, int64_t rows, int64_t n, Floats dlogits) {
  if (Stopped(control)) return;
  const float factor = *dloss / static_cast<float>(rows);
  Plan::ForRows(rows, [&](int64_t r, bool mine) {
    if (!mine) return;
    const float shift = lse[r];
    const int64_t target = targets[r];
#pragma unroll 4
    for (int64_t i = 4 * Plan::Lane() - ((r * n) & 3); i < n; i += 4 * Plan::kThreads) {
      Four x = LoadFour(logits + r * n, i, n, 0);
      for (int j = 0; j < 4; ++j) {
        const float probability = expf(x.v[j] - shift);
        x.v[j] = (i + j == target ? probability - 1 : probability) * factor;
      }
      StoreFour(dlogits + r * n, i, n, x);
    }
  });
}

template <class Use>
auto WithLossPlan(int64_t n, const Use& use) {
  if (n <= 64) return use(RowPlan<8, 1>());
  if (n <= 2048) return use(RowPlan<32, 1>());
  return use(RowPlan<256, 1>());
}

// Enough blocks to keep a large GPU busy. If there are more rows than they cover at once, each
// block has several.
int64_t LossBlocks(int64_t rows, int64_t n) {
  constexpr int64_t kMost = 4096;
  const int64_t blocks = WithLossPlan(n, [&](auto plan) { return decltype(plan)::GridOf(rows).blocks; });
  return blocks < kMost ? blocks : kMost;
}

}  // namespace

size_t ScratchCrossEntropy(const OpView& op, const Params&) {
  const int64_t rows = op.inputs[1].elements();
  return static_cast<size_t>(LossBlocks(rows, op.inputs[0].elements() / rows)) * sizeof(double);
}

Outcome RunCrossEntropy(const Call& call, Message& message) {
  const int64_t rows = InputShape(call, 1).elements(), n = InputShape(call, 0).elements() / rows;
  const int64_t blocks = LossBlocks(rows, n);
  auto* partial = static_cast<double*>(call.scratch);
  Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, InputError::kTarget, 0, n - 1);
  if (outcome != Outcome::kOk) return outcome;
  outcome = WithLossPlan(n, [&](auto plan) {
    using Plan = decltype(plan);
    return Launch(call, message, {blocks, Plan::kBlock}, LossKernel<Plan>, call.control, Input<float>(call, 0),
                  Input<int32_t>(call, 1), rows, n, Output<float>(call, 1), partial);
  });
  if (outcome != Outcome::kOk) return outcome;
  return Launch(call, message, {1, kMeanThreads}, MeanKernel, call.control, partial, blocks, rows,
                Output<float>(call, 0));
}

Outcome RunCrossEntropyBackward(const Call& call, Message& message) {
  const int64_t rows = InputShape(call, 1).elements(), n = InputShape(call, 0).elements() / rows;
  const Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, InputError::kTarget, 0, n - 1);
  if (outcome != Outcome::kOk) return outcome;
  return WithLossPlan(n, [&](auto plan) {
    using Plan = decltype(plan);
    return Launch(call, message, Plan::GridOf(rows), BackwardKernel<Plan>, call.control, Input<float>(call, 0),
                  Input<int32_t>(call, 1), Input<float>(call, 2), Input<float>(call, 3), rows, n, FloatOutput(call, 0));
  });
}

}  // namespace nano::cuda
