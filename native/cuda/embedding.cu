// embedding: copies rows of a table. The gradient adds the rows of dy that have the same token; so does
// embedding_accumulate, to a total.
#include "cuda/kernels.h"
#include "cuda/move_rows.cuh"
#include "cuda/sort.cuh"

namespace nano::cuda {
namespace {

// The gradient sorts the tokens, so that each row of the table is the sum over a run of equal
// tokens, in their original order. The sorted list is split into pieces, so that a frequent token
// is not the work of a single block. A run within a piece is written straight to the table. A run
// that spans several pieces leaves a partial sum in each of them, and JoinPieces adds these.
constexpr int kPiece = 64, kMostThreads = 256, kAtOnce = 8;

// A block sums one piece for one slice of the columns, with one thread per column.
struct Slices {
  int64_t count;
  int threads;
};
Slices SlicesOf(int64_t columns) {
  const int64_t count = DivideUp(columns, kMostThreads);
  return {count, static_cast<int>(DivideUp(DivideUp(columns, count), kWarp) * kWarp)};
}

// The partial sums of each piece: `begun` is that of its first run, if the run began in an earlier
// piece; `left` is that of its last run, if the run begins in this piece and continues in the next.
template <class Unit>
struct Partials {
  Unit* at;
  int64_t columns;

  __device__ Unit& begun(int64_t piece, int64_t column) const { return at[2 * piece * columns + column]; }
  __device__ Unit& left(int64_t piece, int64_t column) const { return at[(2 * piece + 1) * columns + column]; }
};

template <class Unit>
__device__ __forceinline__ void Write(Unit& to, const Unit& sum, bool accumulate) {
  to = accumulate ? to + sum : sum;
}

template <class Unit>
__global__ void __launch_bounds__(kMostThreads)
    SumPieces(const Control* control, Sorted sorted, int64_t count, const Unit* dy, int64_t columns, int64_t slices,
              Partials<Unit> partials, Unit* table, bool accumulate) {
  __shared__ int32_t padded[kPiece + 2];  // plus the token before and the one after, or -1 if there is none
  __shared__ int64_t places[kPiece];
  if (Stopped(control)) return;
  const int64_t piece = blockIdx.x / slices, first = piece * kPiece;
  const int size = static_cast<int>(count - first < kPiece ? count - first : kPiece);
  for (int i = static_cast<int>(threadIdx.x); i < size + 2; i += static_cast<int>(blockDim.x)) {
    const int64_t from = first + i - 1;
    padded[i] = from >= 0 && from < count ? sorted.keys[from] : -1;
    if (i < size) places[i] = sorted.places[first + i];
  }
  __syncthreads();
  const int64_t column = blockIdx.x % slices * blockDim.x + threadIdx.x;
  if (column >= columns) return;
  const int32_t* const tokens = padded + 1;
  Unit sum{};
  for (int begin = 0; begin < size; begin += kAtOnce) {
    Unit rows[kAtOnce];
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      if (begin + k < size) rows[k] = dy[places[begin + k] * columns + column];
    }
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) {
      const int i = begin + k;
      if (i >= size) break;
      const int32_t token = tokens[i];
      sum = i > 0 && tokens[i - 1] == token ? sum + rows[k] : rows[k];
      if (i + 1 < size && tokens[i + 1] == token) continue;
      if (tokens[-1] == token) {
        partials.begun(piece, column) = sum;
      } else if (tokens[i + 1] == token) {
        partials.left(piece, column) = sum;
      } else {
        Write(table[token * columns + column], sum, accumulate);
      }
    }
  }
}

// Adds the partial sums of each run that spans several pieces, in the block of the piece in which
// the run begins.
template <class Unit>
__global__ void __launch_bounds__(kMostThreads, 4)
    JoinPieces(const Control* control, const int32_t* tokens, int64_t count, int64_t columns, int64_t slices,
               Partials<Unit> partials, Unit* table, bool accumulate) {
  if (Stopped(control)) return;
  const int64_t piece = blockIdx.x / slices, first = piece * kPiece, end = first + kPiece;
  const int64_t column = blockIdx.x % slices * blockDim.x + threadIdx.x;
  if (end >= count || column >= columns) return;
  const int32_t token = tokens[end - 1];
  if (tokens[end] != token || (first > 0 && tokens[first - 1] == token)) return;
  // A piece has a part of the run if its first token is the same. If the eighth piece has one, so
  // do the seven before it.
  const auto has = [&](int64_t other) { return other * kPiece < count && tokens[other * kPiece] == token; };
  Unit sum = partials.left(piece, column);
  int64_t next = piece + 1;
  for (; has(next + kAtOnce - 1); next += kAtOnce) {
    Unit sums[kAtOnce];
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) sums[k] = partials.begun(next + k, column);
#pragma unroll
    for (int k = 0; k < kAtOnce; ++k) sum = sum + sums[k];
  }
  for (; has(next); ++next) sum = sum + partials.begun(next, column);
  Write(table[token * columns + column], sum, accumulate);
}

template <class Unit>
Outcome SumTokens(const Call& call, Message& message, const Sorted& sorted, int64_t count, const float* dy, float* room,
                  bool accumulate) {
  const int64_t columns = OutputShape(call, 0)[1] / static_cast<int64_t>(sizeof(Unit) / sizeof(float));
  const Slices slices = SlicesOf(columns);
  const Grid grid{DivideUp(count, kPiece) * slices.count, slices.threads};
  const Partials<Unit> partials{reinterpret_cast<Unit*>(room), columns};
  Unit* const table = Output<Unit>(call, 0);
  const Outcome outcome = Launch(call, message, grid, SumPieces<Unit>, call.control, sorted, count,
                                 reinterpret_cast<const Unit*>(dy), columns, slices.count, partials, table, accumulate);
  if (outcome != Outcome::kOk || count <= kPiece) return outcome;
  return Launch(call, message, grid, JoinPieces<Unit>, call.control, sorted.keys, count, columns, slices.count,
                partials, table, accumulate);
}

// Scratch: the sort's, then the partial sums of every piece.
size_t ScratchSum(int64_t count, int64_t columns) {
  return ScratchSort(count) + static_cast<size_t>(2 * DivideUp(count, kPiece) * columns) * sizeof(float);
}

// Adds the rows of dy, which is the input after the tokens.
Outcome AddRows(const Call& call, Message& message, uint32_t tokens, bool accumulate) {
  const Shape& shape = OutputShape(call, 0);
  const int64_t count = InputShape(call, tokens).elements();
  Sorted sorted{};
  const Outcome outcome =
      Sort(call, message, Input<const int32_t>(call, tokens), count, shape[0], call.scratch, sorted);
  if (outcome != Outcome::kOk) return outcome;
  auto* room = reinterpret_cast<float*>(static_cast<unsigned char*>(call.scratch) + ScratchSort(count));
  const auto* dy = Input<const float>(call, tokens + 1);
  return InQuads(shape[1]) ? SumTokens<float4>(call, message, sorted, count, dy, room, accumulate)
                           : SumTokens<float>(call, message, sorted, count, dy, room, accumulate);
}

}  // namespace

Outcome RunEmbedding(const Call& call, Message& message) {
  const Shape& table = InputShape(call, 1);
  const Outcome outcome = CheckRange(call, message, kEmbeddingTokens, InputError::kToken, 0, table[0] - 1);
  if (outcome != Outcome::kOk) return outcome;
  const int32_t* tokens = Input<const int32_t>(call, 0);
  return MoveRows(call, message, InputShape(call, 0).elements(), table[1], Input<const float>(call, 1),
                  Output<float>(call, 0), [=] __device__(int64_t i) {
                    return Way{tokens[i], i};
                  });
}

size_t ScratchEmbeddingBackward(const OpView& op, const Params&) {
  return ScratchSum(op.inputs[0].elements(), op.outputs[0].shape[1]);
}

Outcome RunEmbeddingBackward(const Call& call, Message& message) {
  const Shape& shape = OutputShape(call, 0);
  const int64_t size = shape.elements();
  Outcome outcome = CheckRange(call, message, kEmbeddingTokens, InputError::kToken, 0, shape[0] - 1);
  if (outcome != Outcome::kOk) return outcome;
  float* table = Output<float>(call, 0);
  outcome = ForElements(call, message, DivideUp(size, kQuad),
                        [=] __device__(int64_t i) { StoreQuad(table, kQuad * i, size, Quad{}); });
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

}  // namespace nano::cuda
