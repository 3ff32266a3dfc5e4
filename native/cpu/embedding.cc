// embedding: looks up rows of a table. Its gradient sums dy into the rows.
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/loops.h"
#include "cpu/tokens.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
namespace {

// A task of the gradient computes a range of rows and of columns of the table. It goes through all
// tokens in order, so that each row is summed in that order by any thread.
constexpr int64_t kTableRows = 4096, kTableColumns = 64;

struct Slice {
  int64_t row0, row1, column0, columns;
};

void AddRows(const Call& call, int64_t channels, const Slice& slice) {
  const int32_t* tokens = call.inputs[0].i32();
  const int64_t count = call.inputs[0].spec->elements(), columns = slice.columns;
  const float* dy = call.inputs[1].f32() + slice.column0;
  float* table = call.outputs[0].f32() + slice.column0;
  for (int64_t v = slice.row0; v < slice.row1; ++v) {
    std::memset(table + v * channels, 0, static_cast<size_t>(columns) * sizeof(float));
  }
  for (int64_t i = 0; i < count; ++i) {
    if (tokens[i] < slice.row0 || tokens[i] >= slice.row1) continue;
    float* row = table + tokens[i] * channels;
    Map(row, dy + i * channels, row, columns, [](F8 a, F8 b) { return a + b; });
  }
}

}  // namespace

InputError RunEmbedding(const Call& call) {
  const int64_t vocabulary = call.inputs[1].spec->shape.dims[0], channels = call.inputs[1].spec->shape.dims[1];
  const int64_t count = call.inputs[0].spec->elements();
  const int32_t* tokens = call.inputs[0].i32();
  if (const int64_t bad = FirstOutside(tokens, count, vocabulary); bad >= 0) {
    return ValidateRange(kEmbeddingTokens, InputError::kToken, bad, tokens[bad], 0, vocabulary - 1);
  }
  const float* table = call.inputs[1].f32();
  float* y = call.outputs[0].f32();
  ForChunks(call.pool, count, RowsInChunk(channels), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::memcpy(y + i * channels, table + tokens[i] * channels, static_cast<size_t>(channels) * sizeof(float));
    }
  });
  return {};
}

InputError RunEmbeddingBackward(const Call& call) {
  const int64_t vocabulary = call.outputs[0].spec->shape.dims[0], channels = call.outputs[0].spec->shape.dims[1];
  const int32_t* tokens = call.inputs[0].i32();
  const int64_t count = call.inputs[0].spec->elements();
  if (const int64_t bad = FirstOutside(tokens, count, vocabulary); bad >= 0) {
    return ValidateRange(kEmbeddingTokens, InputError::kToken, bad, tokens[bad], 0, vocabulary - 1);
  }
  if (vocabulary * channels + count * channels <= 16 * kChunk) {
    AddRows(call, channels, {0, vocabulary, 0, channels});
    return {};
  }
  const int64_t across = DivideUp(channels, kTableColumns), down = DivideUp(vocabulary, kTableRows);
  call.pool->Run(across * down, [&](int64_t task, int) {
    const int64_t row = task / across * kTableRows, column = task % across * kTableColumns;
    AddRows(call, channels,
            {row, Smaller(vocabulary, row + kTableRows), column, Smaller(kTableColumns, channels - column)});
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
