// sum_leading: sums over rows. Each block of rows is summed separately, and the blocks are added in
// a fixed order.
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
namespace {

constexpr int64_t kBlockRows = 256;

// Columns per task.
NANO_INLINE int64_t TaskColumns(int64_t rows, int64_t columns) {
  return Smaller(columns, RoundUp(8 * kChunk / Smaller(rows, kBlockRows), 8));
}

// y[0, columns) = the sum of `rows` rows of x, which are `stride` floats apart. Adds four rows at a
// time.
void SumRows(const float* x, int64_t rows, int64_t stride, int64_t columns, float* y) {
  const int64_t first = (rows - 1) % 4 + 1;
  std::memcpy(y, x, static_cast<size_t>(columns) * sizeof(float));
  for (int64_t r = 1; r < first; ++r) {
    Map(y, x + r * stride, y, columns, [](F8 a, F8 b) { return a + b; });
  }
  for (int64_t r = first; r < rows; r += 4) {
    const float* row = x + r * stride;
    for (int64_t i = 0; i < columns; i += 8) {
      const int64_t lanes = Smaller(8, columns - i);
      const auto at = [&](int64_t k) { return LoadLanes(row + k * stride + i, lanes); };
      StoreLanes(y + i, lanes, LoadLanes(y + i, lanes) + ((at(0) + at(1)) + (at(2) + at(3))));
    }
  }
}

// The sum of a single column, which is contiguous.
NANO_INLINE float SumOne(const float* x, int64_t rows) {
  return SumOver(rows, [&](int64_t i, int64_t lanes) { return LoadLanes(x + i, lanes); });
}

}  // namespace

size_t ScratchSumLeading(const OpView& op, const Params&, int) {
  const int64_t columns = op.outputs[0].elements(), rows = op.inputs[0].elements() / columns;
  return static_cast<size_t>(DivideUp(rows, kBlockRows) * columns) * sizeof(float);
}

InputError RunSumLeading(const Call& call) {
  const int64_t columns = call.outputs[0].spec->elements(), rows = call.inputs[0].spec->elements() / columns;
  const float* x = call.inputs[0].f32();
  float* y = call.outputs[0].f32();
  const int64_t blocks = DivideUp(rows, kBlockRows), task_columns = TaskColumns(rows, columns);
  const int64_t across = DivideUp(columns, task_columns);
  float* partial = blocks == 1 ? y : reinterpret_cast<float*>(call.scratch);
  // A block with few columns is little work, so a task takes several blocks.
  const int64_t task_blocks = Larger(1, kChunk / (kBlockRows * task_columns));
  ForChunks(call.pool, blocks * across, task_blocks, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t block = i / across, column = i % across * task_columns;
      const int64_t row = block * kBlockRows, count = Smaller(kBlockRows, rows - row);
      float* to = partial + block * columns + column;
      if (columns == 1) {
        *to = SumOne(x + row, count);
      } else {
        SumRows(x + row * columns + column, count, columns, Smaller(task_columns, columns - column), to);
      }
    }
  });
  if (blocks == 1) return {};
  ForChunks(call.pool, columns, RowsInChunk(blocks), [&](int64_t begin, int64_t end) {
    if (columns == 1) {
      *y = SumOne(partial, blocks);
    } else {
      SumRows(partial + begin, blocks, columns, end - begin, y + begin);
    }
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
