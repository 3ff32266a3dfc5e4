// Packed and blocked matrix products. The order of the sum over k depends on the shape alone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernel.h"
#include "cpu/simd.h"

namespace nano::cpu::NANO_ISA {

// Rows and columns of the tile that is kept in registers.
constexpr int kTileRows = 6, kTileColumns = 16;
// Terms summed in registers before the sum is added in memory. Fixed, because it decides the order
// of the sum.
constexpr int64_t kDepth = 384;
// Minimum multiply-adds per task: two or three µs of work, about ten times the cost of starting a
// task.
constexpr double kTaskTerms = 1 << 17;

// Element (i, j) is data[i * row + j * column]. One of the strides is 1.
struct Matrix {
  const float* data;
  int64_t row, column;
};

// c = a·b or c += a·b, where a is m × k and b is k × n, then optionally + bias and ReLU. Neither is
// supported if a is transposed (a.row is 1).
struct Gemm {
  int64_t m, n, k;
  Matrix a, b;
  float* c;
  int64_t c_row;
  bool accumulate = false;
  const float* bias = nullptr;
  bool relu = false;
};

// The scratch size of Multiply in bytes. `across` means that a.row is 1: the terms of each row of a
// are strided, and its columns are contiguous.
size_t MultiplyScratch(int64_t m, int64_t n, int64_t k, bool across, int threads);
// Without a pool it runs on the calling thread with scratch for one thread, for kernels that
// multiply inside a task. The result has the same bits.
void Multiply(const Gemm& product, std::byte* scratch, Pool* pool);

// Parts of Multiply, for kernels that multiply inside a task.

// The size in floats of `columns` packed columns of a matrix with k rows.
NANO_INLINE int64_t PackedSize(int64_t k, int64_t columns) { return RoundUp(columns, kTileColumns) * k; }
// Packs b into panels of kTileColumns columns. Each panel is stored row by row, and the last is
// padded with zeros.
void Pack(const Matrix& b, int64_t k, int64_t columns, float* packed);

// Limits a product to the terms that are needed, so that multiplying by a triangular matrix skips
// its zeros in steps of a tile.
struct Terms {
  static constexpr int64_t kAll = int64_t{1} << 60;
  int64_t used = kAll;          // only the first `used` rows of b
  int64_t column_limit = kAll;  // row i of c: only columns j < column_limit + i; tiles beyond are left unchanged
  int64_t last_limit = kAll;    // row i of a is zero from column last_limit + i on
  int64_t first_limit = kAll;   // row i of a is zero before column i − first_limit
};

// c = a·b, or c += a·b if `accumulate`. b is packed and has k rows.
void MultiplyPacked(int64_t m, int64_t n, int64_t k, const Matrix& a, const float* packed, float* c, int64_t c_row,
                    bool accumulate, const Terms& terms = {});

}  // namespace nano::cpu::NANO_ISA
