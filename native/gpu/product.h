// Describes a matrix product on a GPU: c = a·b or c += a·b, then optionally + bias and ReLU.
#pragma once

#include <cstdint>

#include "ops/matmul.h"

namespace nano::gpu {

// Element (i, j) of matrix z is data[z * step + i * row + j * column]. Either row or column is 1.
struct Matrix {
  const void* data;
  int64_t row, column;
  int64_t step = 0;
};

// `batch` products of m × k and k × n matrices. a and b have the same dtype: f32, or bf16 (on Metal
// also f16) with a c of f32 or bf16.
struct Gemm {
  int64_t m, n, k;
  Matrix a, b;
  void* c;
  int64_t c_row;
  int64_t batch = 1, c_step = 0;
  bool accumulate = false;
  const float* bias = nullptr;
  bool relu = false;
  Dtype dtype = Dtype::kF32, c_dtype = Dtype::kF32;
};

// The product that a matmul's parameters describe.
inline Gemm ProductOf(const MatmulParams& p) {
  Gemm product{};
  product.m = p.m, product.n = p.n, product.k = p.k;
  product.a = p.transpose_a ? Matrix{nullptr, 1, p.m} : Matrix{nullptr, p.k, 1};
  product.b = p.transpose_b ? Matrix{nullptr, 1, p.k} : Matrix{nullptr, p.n, 1};
  product.c_row = p.n;
  return product;
}

}  // namespace nano::gpu
