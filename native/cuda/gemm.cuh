// Matrix products, for every op that has some: c = a·b or c += a·b, then + bias and relu if wanted.
#pragma once

#include "cuda/kernel.cuh"

namespace nano::cuda {

// Element (i, j) of matrix z is data[z * step + i * row + j * column]; row or column is 1.
struct Matrix {
  const void* data;
  int64_t row, column;
  int64_t step = 0;
};

// `batch` products of m × k and k × n matrices. a and b are of one dtype: f32, or bf16 with a c of f32 or bf16.
struct Product {
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

// Bytes of scratch that Multiply needs; looks at sizes and strides only.
size_t MultiplyScratch(const Product& product);
// In which order a sum is taken depends on sizes and strides alone. Operands of f32 are rounded first if the precision
// is kTf32.
Outcome Multiply(const Call& call, Message& message, const Product& product, void* scratch,
                 Precision precision = Precision::kF32);

}  // namespace nano::cuda
