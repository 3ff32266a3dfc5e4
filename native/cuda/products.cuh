// The Product that a matmul's parameters describe.
#pragma once

#include "cuda/gemm.cuh"
#include "ops/matmul.h"

namespace nano::cuda {

inline Product ProductOf(const MatmulParams& p, const void* a = nullptr, const void* b = nullptr, void* y = nullptr) {
  Product product{};
  product.m = p.m, product.n = p.n, product.k = p.k;
  product.a = p.transpose_a ? Matrix{a, 1, p.m} : Matrix{a, p.k, 1};
  product.b = p.transpose_b ? Matrix{b, 1, p.k} : Matrix{b, p.n, 1};
  product.c = y;
  product.c_row = p.n;
  return product;
}

}  // namespace nano::cuda
