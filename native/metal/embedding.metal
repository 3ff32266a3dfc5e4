// embedding: copies rows of a table. Its gradient adds them up; so does embedding_accumulate, to a total.
#include "metal/move_rows.h"
#include "metal/sort.h"

struct EmbeddingArguments {
  uint32_t count, columns;  // tokens; columns of a row
  uint32_t slices;          // of the columns
  uint32_t accumulate;      // whether sums are added to the table
};

#if defined(__METAL_VERSION__)

struct MoveToToken {
  device const int* tokens;

  Way operator()(uint i) const { return Way{uint(tokens[i]), i}; }
};

kernel void embedding(device const Control& control [[buffer(0)]], constant MoveRowsArguments& arguments [[buffer(1)]],
                      device float* y [[buffer(2)]], device const int* tokens [[buffer(3)]],
                      device const float* table [[buffer(4)]], uint i [[thread_position_in_grid]]) {
  if (Stopped(control)) return;
  MoveUnit(arguments, i, table, y, MoveToToken{tokens});
}

// ---- The gradient. Tokens are sorted, so that a row of the table is the sum over a run of equal
// tokens, in the order of the input. The sorted list is cut into pieces of equal size, so that a
// frequent token does not overload one threadgroup. A run within one piece is written to the table.
// A run that spans pieces leaves a partial sum in each, and join_pieces adds them up.
constant constexpr uint kPiece = 64, kAtOnce = 8;

kernel void clear_table(device const Control& control [[buffer(0)]], constant uint& n [[buffer(1)]],
                        device float* table [[buffer(2)]], uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= n) return;
  StoreQuad(FloatsOut(table, false), i, n, float4(0));
}

// Rows of `partials`: the sum of a piece's first run if it began in an earlier piece, and of its
// last run if it began here and continues.
inline uint Begun(uint piece) { return 2 * piece; }
inline uint Left(uint piece) { return 2 * piece + 1; }

// Writes a sum to a row of the table.
inline void WriteSum(device float* row, uint column, uint columns, float4 sum, bool accumulate) {
  if (accumulate) sum = LoadQuad(FloatsIn(row, false), column, columns) + sum;
  StoreQuad(FloatsOut(row, false), column, columns, sum);
}

// A threadgroup sums one piece for one slice of the columns, with four columns per thread.
kernel void sum_pieces(device const Control& control [[buffer(0)]],
                       constant EmbeddingArguments& arguments [[buffer(1)]], device float* table [[buffer(2)]],
                       device float* partials [[buffer(3)]], device const float* dy [[buffer(4)]],
                       device const int* keys [[buffer(5)]], device const uint* places [[buffer(6)]],
                       uint group [[threadgroup_position_in_grid]], uint index [[thread_index_in_threadgroup]],
                       uint threads [[threads_per_threadgroup]]) {
  threadgroup int padded[kPiece + 2];  // with the tokens before and after, -1 if there is none
  threadgroup uint rows[kPiece];
  if (Stopped(control)) return;
  const uint count = arguments.count, columns = arguments.columns;
  const uint piece = group / arguments.slices, first = piece * kPiece;
  const uint size = min(count - first, kPiece);
  for (uint i = index; i < size + 2; i += threads) {
    const bool is_there = first + i > 0 && first + i <= count;
    padded[i] = is_there ? keys[first + i - 1] : -1;
    if (i < size) rows[i] = places[first + i];
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const uint column = kQuad * (group % arguments.slices * threads + index);
  if (column >= columns) return;
  const FloatsIn gradients = FloatsIn(dy, 2u);
  float4 sum = float4(0);
  for (uint begin = 0; begin < size; begin += kAtOnce) {
    float4 values[kAtOnce];
#pragma unroll
    for (uint k = 0; k < kAtOnce; ++k) {
      if (begin + k < size) values[k] = LoadQuad(gradients.From(rows[begin + k] * columns), column, columns);
    }
#pragma unroll
    for (uint k = 0; k < kAtOnce; ++k) {
      const uint i = begin + k;
      if (i >= size) break;
      const int token = padded[i + 1];
      sum = i > 0 && padded[i] == token ? sum + values[k] : values[k];
      if (i + 1 < size && padded[i + 2] == token) continue;
      const bool began_before = padded[0] == token, goes_on = padded[i + 2] == token;
      device float* const to = began_before ? partials + Begun(piece) * columns
                               : goes_on    ? partials + Left(piece) * columns
                                            : table + uint(token) * columns;
      WriteSum(to, column, columns, sum, arguments.accumulate && !began_before && !goes_on);
    }
  }
}

// The threadgroup of the piece in which a run begins adds up the run's partial sums, if it
// continues in later pieces.
kernel void join_pieces(device const Control& control [[buffer(0)]],
                        constant EmbeddingArguments& arguments [[buffer(1)]], device float* table [[buffer(2)]],
                        device const float* partials [[buffer(3)]], device const int* tokens [[buffer(4)]],
                        uint group [[threadgroup_position_in_grid]], uint index [[thread_index_in_threadgroup]],
                        uint threads [[threads_per_threadgroup]]) {
  if (Stopped(control)) return;
  const uint count = arguments.count, columns = arguments.columns;
  const uint piece = group / arguments.slices, first = piece * kPiece, end = first + kPiece;
  const uint column = kQuad * (group % arguments.slices * threads + index);
  if (end >= count || column >= columns) return;
  const int token = tokens[end - 1];
  if (tokens[end] != token || (first > 0 && tokens[first - 1] == token)) return;
  const FloatsIn sums = FloatsIn(partials, false);
  float4 sum = LoadQuad(sums.From(Left(piece) * columns), column, columns);
  // A later piece has a part of the run if its first token is the run's.
  for (uint next = piece + 1; next * kPiece < count && tokens[next * kPiece] == token; ++next) {
    sum += LoadQuad(sums.From(Begun(next) * columns), column, columns);
  }
  WriteSum(table + uint(token) * columns, column, columns, sum, arguments.accumulate);
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {
namespace {

constexpr int kPiece = 64, kMostThreads = 256;

// Scratch: the sort's, then the partial sums of every piece.
size_t ScratchSum(int64_t count, int64_t columns) {
  return ScratchSort(count) + static_cast<size_t>(2 * DivideUp(count, kPiece) * columns) * sizeof(float);
}
float* PartialsIn(void* scratch, int64_t count) {
  return reinterpret_cast<float*>(static_cast<unsigned char*>(scratch) + ScratchSort(count));
}

// Adds the rows of dy, which is the input after the tokens.
Outcome AddRows(const Call& call, Message& message, uint32_t tokens, bool accumulate) {
  const Shape& shape = OutputShape(call, 0);
  const int64_t count = InputShape(call, tokens).elements(), columns = shape[1], fours = DivideUp(columns, kQuad);
  Sorted sorted{};
  Outcome outcome =
      Sort(call, message, static_cast<const int32_t*>(call.inputs[tokens].data), count, shape[0], call.scratch, sorted);
  if (outcome != Outcome::kOk) return outcome;

  const int64_t slices = DivideUp(fours, kMostThreads);
  const Grid grid = {DivideUp(count, kPiece) * slices, static_cast<int>(DivideUp(DivideUp(fours, slices), 32) * 32)};
  const EmbeddingArguments arguments = {static_cast<uint32_t>(count), static_cast<uint32_t>(columns),
                                        static_cast<uint32_t>(slices), accumulate};
  float* const partials = PartialsIn(call.scratch, count);
  outcome = Launch(call, message, grid, {"embedding", "sum_pieces"}, {0}, arguments,
                   {call.outputs[0], partials, call.inputs[tokens + 1], sorted.keys, sorted.places});
  if (outcome != Outcome::kOk || count <= kPiece) return outcome;
  return Launch(call, message, grid, {"embedding", "join_pieces"}, {0}, arguments,
                {call.outputs[0], partials, sorted.keys});
}

}  // namespace

Outcome RunEmbedding(const Call& call, Message& message) {
  const Shape& table = InputShape(call, 1);
  const Outcome outcome = CheckRange(call, message, kEmbeddingTokens, InputError::kToken, 0, table[0] - 1);
  if (outcome != Outcome::kOk) return outcome;
  const MoveRowsArguments arguments = ArgumentsOfMove(InputShape(call, 0).elements(), table[1]);
  return Launch(call, message, GridOfElements(arguments.n), {"embedding", "embedding"}, {InQuads(table[1])}, arguments,
                {call.outputs[0], call.inputs[0], call.inputs[1]});
}

size_t ScratchEmbeddingBackward(const OpView& op, const Params&) {
  return ScratchSum(op.inputs[0].elements(), op.outputs[0].shape[1]);
}

Outcome RunEmbeddingBackward(const Call& call, Message& message) {
  const int64_t last = OutputShape(call, 0)[0] - 1;
  Outcome outcome = CheckRange(call, message, kEmbeddingTokens, InputError::kToken, 0, last);
  if (outcome != Outcome::kOk) return outcome;
  outcome = ForQuads(call, message, {"embedding", "clear_table"}, {call.outputs[0]}, {0});
  if (outcome != Outcome::kOk) return outcome;
  return AddRows(call, message, kEmbeddingTokens, false);
}

size_t ScratchEmbeddingAccumulate(const OpView& op, const Params&) {
  return ScratchSum(op.inputs[1].elements(), op.outputs[0].shape[1]);
}

Outcome RunEmbeddingAccumulate(const Call& call, Message& message) {
  const int64_t last = OutputShape(call, 0)[0] - 1;
  const Outcome outcome = CheckRange(call, message, kEmbeddingAccumulateTokens, InputError::kToken, 0, last);
  if (outcome != Outcome::kOk) return outcome;
  return AddRows(call, message, kEmbeddingAccumulateTokens, true);
}

}  // namespace nano::metal
#endif
