// Makes the Gemm that a matmul's parameters describe.
#pragma once

#include "cpu/gemm.h"
#include "ops/matmul.h"

namespace nano::cpu::NANO_ISA {

NANO_INLINE Gemm ProductOf(const MatmulParams& p, const float* a, const float* b, float* y) {
  Gemm product{};
  product.m = p.m, product.n = p.n, product.k = p.k;
  product.a = p.transpose_a ? Matrix{a, 1, p.m} : Matrix{a, p.k, 1};
  product.b = p.transpose_b ? Matrix{b, 1, p.k} : Matrix{b, p.n, 1};
  product.c = y;
  product.c_row = p.n;
  return product;
}

}  // namespace nano::cpu::NANO_ISA
