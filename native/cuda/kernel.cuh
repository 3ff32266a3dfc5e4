// Common definitions for kernels. Each op has one file, with the same name as on the CPU;
// ops/ops.def lists the ops.
//
// The first argument of a kernel is the control. A kernel does nothing once the control records a
// failure. The order of every sum depends on sizes only, so that every run gives the same bits.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <cstdio>
#include <utility>

#include "engine/inline.h"
#include "gpu/driver.h"

namespace nano::gpu {

struct Queue {
  cudaStream_t stream;
  int ordinal;
  int multiprocessors;
};

}  // namespace nano::gpu

namespace nano::cuda {

using gpu::Call;
using gpu::Control;
using gpu::Message;
using gpu::Outcome;

// The outcome of a call of the CUDA runtime. If it failed, the message says what failed.
Outcome OutcomeOf(cudaError_t error, const char* what, Message& message);

struct Grid {
  int64_t blocks;
  int threads;
  size_t shared = 0;             // bytes of `dynamic_shared`
  int64_t across = 1, deep = 1;  // blockIdx.y, blockIdx.z
};

// The limits of every compute capability from 3.0 on (CUDA C++ Programming Guide, "Technical
// Specifications").
constexpr int64_t kMostBlocks = INT32_MAX, kMostAcross = 65535, kMostDeep = 65535;

inline Outcome CheckGrid(const Grid& grid, Message& message) {
  if (grid.blocks <= kMostBlocks && grid.across <= kMostAcross && grid.deep <= kMostDeep) return Outcome::kOk;
  std::snprintf(message.text, sizeof(message.text),
                "CUDA: a kernel would need %lld × %lld × %lld blocks, and a launch takes %lld × %lld × %lld. A smaller "
                "`batchSize` (with more `gradientAccumulationSteps`) needs fewer",
                static_cast<long long>(grid.blocks), static_cast<long long>(grid.across),
                static_cast<long long>(grid.deep), static_cast<long long>(kMostBlocks),
                static_cast<long long>(kMostAcross), static_cast<long long>(kMostDeep));
  return Outcome::kUnsupported;
}

// Does nothing for a grid without blocks, because CUDA rejects such a launch.
template <class... Parameters, class... Arguments>
Outcome Launch(const Call& call, Message& message, const Grid& grid, void (*kernel)(Parameters...),
               Arguments&&... arguments) {
  if (grid.blocks == 0 || grid.across == 0 || grid.deep == 0) return Outcome::kOk;
  if (const Outcome outcome = CheckGrid(grid, message); outcome != Outcome::kOk) return outcome;
  if (grid.shared > 48 * 1024) {
    const cudaError_t error =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(grid.shared));
    if (error != cudaSuccess) return OutcomeOf(error, "cudaFuncSetAttribute", message);
  }
  cudaLaunchConfig_t config{};
  config.gridDim =
      dim3(static_cast<unsigned>(grid.blocks), static_cast<unsigned>(grid.across), static_cast<unsigned>(grid.deep));
  config.blockDim = dim3(static_cast<unsigned>(grid.threads));
  config.dynamicSmemBytes = grid.shared;
  config.stream = call.queue->stream;
  return OutcomeOf(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), "a launch", message);
}

// ---- The call's operands.
template <class T>
T* Input(const Call& call, size_t i) {
  return static_cast<T*>(call.inputs[i].data);
}
template <class T>
T* Output(const Call& call, size_t i) {
  return static_cast<T*>(call.outputs[i].data);
}
inline const Shape& InputShape(const Call& call, size_t i) { return call.inputs[i].spec->shape; }
inline const Shape& OutputShape(const Call& call, size_t i) { return call.outputs[i].spec->shape; }

__host__ __device__ constexpr int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- On the device.
__device__ __forceinline__ bool Stopped(const Control* control) { return control->failed != 0; }

// Records an error, after which later kernels do nothing. Called by one thread of a kernel, after
// all its checks.
__device__ __forceinline__ void Complain(Control* control, uint32_t op, const InputError& error) {
  control->error = error;
  control->op = op;
  control->failed = 1;
}

// Notes that an output has a value that is not finite. Any thread may call it: of several outputs,
// ReportNotFinite reports the last.
__device__ __forceinline__ void NoteNotFinite(Control* control, int64_t output) {
  atomicMax(&control->not_finite, static_cast<uint32_t>(output + 1));
}

// Arithmetic is in f32, whatever the dtype of the tensors.
__device__ __forceinline__ float ToFloat(float value) { return value; }
__device__ __forceinline__ float ToFloat(__nv_bfloat16 value) { return __bfloat162float(value); }
template <class T>
__device__ __forceinline__ T Rounded(float value) {
  if constexpr (sizeof(T) == 4) {
    return value;
  } else {
    return __float2bfloat16(value);
  }
}

constexpr int kWarp = 32;

// ---- Elementwise: calls body(i) for every i from 0 to n − 1.
constexpr int kElementThreads = 256;

template <class Body>
__global__ void __launch_bounds__(kElementThreads) ElementKernel(const Control* control, int64_t n, Body body) {
  if (Stopped(control)) return;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kElementThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kElementThreads + threadIdx.x; i < n; i += step) body(i);
}

template <class Body>
Outcome ForElements(const Call& call, Message& message, int64_t n, Body body) {
  const int64_t blocks = DivideUp(n, kElementThreads), most = int64_t{16} * call.queue->multiprocessors;
  return Launch(call, message, {blocks < most ? blocks : most, kElementThreads}, ElementKernel<Body>, call.control, n,
                body);
}

// ---- Reductions over the threads of a warp or a block, in a fixed order. Every thread gets the
// result.
template <class T, class Combine>
__device__ __forceinline__ T WarpReduce(T value, Combine combine) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    value = combine(value, __shfl_xor_sync(~0u, value, offset));
  }
  return value;
}
// `room` is shared memory for one value per warp. It can be reused right after the call.
template <int kThreads, class T, class Combine>
__device__ __forceinline__ T BlockReduce(T value, T* room, Combine combine) {
  static_assert(kThreads % kWarp == 0);
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  value = WarpReduce(value, combine);
  if constexpr (kThreads == kWarp) return value;
  if (lane == 0) room[warp] = value;
  __syncthreads();
  value = room[0];
  for (int i = 1; i < kThreads / kWarp; ++i) value = combine(value, room[i]);
  __syncthreads();
  return value;
}

struct Add {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a + b;
  }
};
struct Larger {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};
struct Smaller {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};

}  // namespace nano::cuda
