// Four floats at a time. Tensors start at multiples of 64 bytes, so four consecutive elements are
// one access.
#pragma once

#include "cuda/floats.cuh"

namespace nano::cuda {

constexpr int kQuad = 4;

struct Quad {
  float at[kQuad];
};

// Elements i to i + 3 of the n elements of x, with i a multiple of 4. Elements past the end are 0.
__device__ __forceinline__ Quad LoadQuad(Floats x, int64_t i, int64_t n) {
  if (i + kQuad <= n) {
    const float4 four = x.GetFour(i);
    return {{four.x, four.y, four.z, four.w}};
  }
  Quad quad{};
#pragma unroll
  for (int k = 0; k < kQuad; ++k) {
    if (i + k < n) quad.at[k] = x.Get(i + k);
  }
  return quad;
}

__device__ __forceinline__ void StoreQuad(Floats y, int64_t i, int64_t n, const Quad& quad) {
  if (i + kQuad <= n) return y.SetFour(i, make_float4(quad.at[0], quad.at[1], quad.at[2], quad.at[3]));
#pragma unroll
  for (int k = 0; k < kQuad; ++k) {
    if (i + k < n) y.Set(i + k, quad.at[k]);
  }
}

template <class F, class... Quads>
__device__ __forceinline__ Quad MapQuad(const F& f, const Quads&... quads) {
  Quad result;
#pragma unroll
  for (int k = 0; k < kQuad; ++k) result.at[k] = f(quads.at[k]...);
  return result;
}

template <class Y, class F, class... Inputs>
__global__ void __launch_bounds__(kElementThreads)
    MapKernel(const Control* control, int64_t n, Y y, F f, Inputs... inputs) {
  if (Stopped(control)) return;
  const int64_t step = int64_t{kQuad} * kElementThreads * gridDim.x;
  for (int64_t i = kQuad * (static_cast<int64_t>(blockIdx.x) * kElementThreads + threadIdx.x); i < n; i += step) {
    StoreQuad(y, i, n, MapQuad(f, LoadQuad(inputs, i, n)...));
  }
}

// y = f(inputs...) elementwise, for the number of elements of the first output. y may be one of the
// inputs. y and each input is a Floats or a float*.
template <class Y, class F, class... Inputs>
Outcome Map(const Call& call, Message& message, Y y, F f, Inputs... inputs) {
  const int64_t n = OutputShape(call, 0).elements();
  const int64_t blocks = DivideUp(n, kQuad * kElementThreads), most = int64_t{16} * call.queue->multiprocessors;
  return Launch(call, message, {blocks < most ? blocks : most, kElementThreads}, MapKernel<Y, F, Inputs...>,
                call.control, n, y, f, inputs...);
}

// ---- Rows of floats: processed four at a time if the row length is a multiple of four.
inline bool InQuads(int64_t columns) { return columns % kQuad == 0; }

__device__ __forceinline__ float4 operator+(float4 a, float4 b) {
  return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}

}  // namespace nano::cuda
