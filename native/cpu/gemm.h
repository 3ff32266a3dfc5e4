// Matrix products: packed and blocked, the sum over k in an order that depends on the shape alone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernel.h"
#include "cpu/simd.h"

namespace nano::cpu::NANO_ISA {

// Rows and columns of the tile that stays in registers.
constexpr int kTileRows = 6, kTileColumns = 16;
// Terms summed in registers before they go to memory. Fixed: it decides the order of the sum.
constexpr int64_t kDepth = 384;
// Multiply-adds worth a task: two or three µs of them, some ten times what handing it over takes.
constexpr double kTaskTerms = 1 << 17;

// Element (i, j) is data[i * row + j * column]; one of the strides is 1.
struct Matrix {
  const float* data;
  int64_t row, column;
};

// c = a·b (m × k times k × n), or c += a·b; then + bias and relu if wanted, not for an a that lies across.
struct Gemm {
  int64_t m, n, k;
  Matrix a, b;
  float* c;
  int64_t c_row;
  bool accumulate = false;
  const float* bias = nullptr;
  bool relu = false;
};

// Bytes of scratch that Multiply needs; `across`: a.row is 1, so that a's terms, not its rows, lie one behind the
// other.
size_t MultiplyScratch(int64_t m, int64_t n, int64_t k, bool across, int threads);
// Without a pool on the calling thread alone, with scratch for one: the same bits, for kernels that multiply in a task.
void Multiply(const Gemm& product, std::byte* scratch, Pool* pool);

// The pieces, for kernels that multiply inside a task.

// Floats that `columns` of a k-row matrix take when packed.
NANO_INLINE int64_t PackedSize(int64_t k, int64_t columns) { return RoundUp(columns, kTileColumns) * k; }
// Panels of kTileColumns columns, each row by row, the last filled up with zeros.
void Pack(const Matrix& b, int64_t k, int64_t columns, float* packed);

// Which terms of a product are wanted at all: a triangle of a matrix that is zero elsewhere is walked by steps of a
// tile.
struct Terms {
  static constexpr int64_t kAll = int64_t{1} << 60;
  int64_t used = kAll;          // only the first `used` rows of b
  int64_t column_limit = kAll;  // row i of c: only columns j < column_limit + i; tiles beyond stay as they are
  int64_t last_limit = kAll;    // row i of a: is zero from column last_limit + i on
  int64_t first_limit = kAll;   // row i of a: is zero before column i − first_limit
};

// c (+)= a·b, b packed with k rows.
void MultiplyPacked(int64_t m, int64_t n, int64_t k, const Matrix& a, const float* packed, float* c, int64_t c_row,
                    bool accumulate, const Terms& terms = {});

}  // namespace nano::cpu::NANO_ISA
