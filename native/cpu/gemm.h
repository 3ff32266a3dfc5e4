// Matrix products of any strides: packed and blocked, the sum over k in an order that depends on the shape alone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/kernel.h"
#include "cpu/simd.h"

namespace nano::cpu::NANO_ISA {

// Rows and columns of the tile that stays in registers.
constexpr int kTileRows = 6, kTileColumns = 16;
// Terms summed in registers before they go to memory. Fixed: it decides the order of the sum.
constexpr int64_t kDepth = 256;

// Element (i, j) is data[i * row + j * column].
struct Matrix {
  const float* data;
  int64_t row, column;
};

struct Product {  // c = a·b (m × k times k × n), or c += a·b; then + bias and relu if wanted
  int64_t m, n, k;
  Matrix a, b;
  float* c;
  int64_t c_row;
  bool accumulate = false;
  const float* bias = nullptr;
  bool relu = false;
};

size_t MultiplyScratch(int64_t m, int64_t n, int64_t k, int threads);
void Multiply(const Product& product, std::byte* scratch, Pool* pool);

// The pieces, for kernels that multiply inside a task.

// Floats that `columns` of a k-row matrix take when packed.
NANO_INLINE int64_t PackedSize(int64_t k, int64_t columns) { return RoundUp(columns, kTileColumns) * k; }
// Panels of kTileColumns columns, each row by row, the last filled up with zeros.
void Pack(const Matrix& b, int64_t k, int64_t columns, float* packed);

// c (+)= a·packed, where row i of c needs only columns j < first_limit + i (all of them with kNoLimit): tiles that hold
// nothing else are left as they are.
constexpr int64_t kNoLimit = int64_t{1} << 40;
void MultiplyPacked(int64_t m, int64_t n, int64_t k, const Matrix& a, const float* packed, float* c, int64_t c_row,
                    bool accumulate, int64_t first_limit = kNoLimit);
// c (+)= a·(the first k rows of b), when b was packed with packed_k rows.
void MultiplyPackedRows(int64_t packed_k, int64_t m, int64_t n, int64_t k, const Matrix& a, const float* packed,
                        float* c, int64_t c_row, bool accumulate);

}  // namespace nano::cpu::NANO_ISA
