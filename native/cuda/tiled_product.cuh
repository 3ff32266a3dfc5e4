// A matrix product in plain f32, for matrices that may lie transposed.
#pragma once

#include "cuda/kernel.cuh"

namespace nano::cuda {

// Element (i, j) is data[i·row + j·column].
struct Matrix {
  const float* data;
  int64_t row, column;
};

// c = a·b: a is m × k, b is k × n, c is m × n and dense.
struct Product {
  int64_t m, n, k;
  Matrix a, b;
  float* c;
};

constexpr int kTile = 64, kDepth = 16, kProductThreads = 256;

// A tile's part of a: kTile rows and kDepth columns, from (row, column) on; `across` is the other way about.
// Neighbouring threads read neighbours in memory. 0 outside.
__device__ __forceinline__ void LoadTile(const Matrix& x, int64_t rows, int64_t columns, int64_t row, int64_t column,
                                         float (*tile)[kTile + 4]) {
  const bool by_rows = x.column == 1;
#pragma unroll
  for (int each = 0; each < kTile * kDepth / kProductThreads; ++each) {
    const int at = each * kProductThreads + static_cast<int>(threadIdx.x);
    const int i = by_rows ? at / kDepth : at % kTile, j = by_rows ? at % kDepth : at / kTile;
    const bool inside = row + i < rows && column + j < columns;
    tile[j][i] = inside ? x.data[(row + i) * x.row + (column + j) * x.column] : 0;
  }
}

// A block has 64 × 64 elements, a thread 4 × 4 of them; 16 terms at a time lie in shared memory.
static __global__ void __launch_bounds__(kProductThreads) TiledKernel(const Control* control, Product p) {
  __shared__ __align__(16) float a[kDepth][kTile + 4], b[kDepth][kTile + 4];
  if (Stopped(control)) return;
  const int64_t across = DivideUp(p.n, kTile);
  const int64_t row = blockIdx.x / across * kTile, column = blockIdx.x % across * kTile;
  const int i = static_cast<int>(threadIdx.x) / 16 * 4, j = static_cast<int>(threadIdx.x) % 16 * 4;
  const Matrix turned = {p.b.data, p.b.column, p.b.row};
  float sums[4][4] = {};
  for (int64_t k = 0; k < p.k; k += kDepth) {
    LoadTile(p.a, p.m, p.k, row, k, a);
    LoadTile(turned, p.n, p.k, column, k, b);
    __syncthreads();
#pragma unroll
    for (int d = 0; d < kDepth; ++d) {
      const float4 left = *reinterpret_cast<const float4*>(&a[d][i]);
      const float4 right = *reinterpret_cast<const float4*>(&b[d][j]);
      const float as[] = {left.x, left.y, left.z, left.w}, bs[] = {right.x, right.y, right.z, right.w};
#pragma unroll
      for (int y = 0; y < 4; ++y) {
#pragma unroll
        for (int x = 0; x < 4; ++x) sums[y][x] += as[y] * bs[x];
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int y = 0; y < 4; ++y) {
#pragma unroll
    for (int x = 0; x < 4; ++x) {
      if (row + i + y < p.m && column + j + x < p.n) p.c[(row + i + y) * p.n + column + j + x] = sums[y][x];
    }
  }
}

inline Outcome Multiply(const Call& call, Message& message, const Product& p) {
  return Launch(call, message, {DivideUp(p.m, kTile) * DivideUp(p.n, kTile), kProductThreads}, TiledKernel,
                call.control, p);
}

}  // namespace nano::cuda
