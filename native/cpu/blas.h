// The instruction set `blas` computes large matrix products with a BLAS library and everything else
// with NEON or AVX2. On macOS the library is Accelerate, the only way to use the matrix units of
// Apple processors. The library chooses the order of its sums: results meet the same error bounds,
// but their bits may change with its version or the number of threads.
#pragma once

#include "cpu/gemm.h"

extern "C" void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                            const float* a, int a_row, const float* b, int b_row, float beta, float* c, int c_row);

namespace nano::cpu::NANO_ISA {

constexpr double kBlasTerms = 1 << 19;  // minimum multiply-adds that justify the overhead of a call

NANO_INLINE bool IsForBlas(const Gemm& x) {
  constexpr int64_t kMost = INT32_MAX;
  const double terms = static_cast<double>(x.m) * static_cast<double>(x.n) * static_cast<double>(x.k);
  return terms >= kBlasTerms && x.m <= kMost && x.n <= kMost && x.k <= kMost;
}

// c = a·b or c += a·b, without bias and ReLU. A stride other than 1 is at most the side of a
// matrix.
inline void MultiplyBlas(const Gemm& x) {
  constexpr int kRowMajor = 101, kNoTranspose = 111, kTranspose = 112;
  const auto transposed = [](const Matrix& matrix) { return matrix.column != 1; };
  const auto row = [&](const Matrix& matrix) {
    return static_cast<int>(transposed(matrix) ? matrix.column : matrix.row);
  };
  cblas_sgemm(kRowMajor, transposed(x.a) ? kTranspose : kNoTranspose, transposed(x.b) ? kTranspose : kNoTranspose,
              static_cast<int>(x.m), static_cast<int>(x.n), static_cast<int>(x.k), 1, x.a.data, row(x.a), x.b.data,
              row(x.b), x.accumulate ? 1.0f : 0.0f, x.c, static_cast<int>(x.c_row));
}

}  // namespace nano::cpu::NANO_ISA
