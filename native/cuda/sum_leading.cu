// sum_leading: sums over rows in two steps: within chunks of rows, then over the chunks.
#include "cuda/kernels.h"
#include "cuda/quads.cuh"

namespace nano::cuda {
namespace {

// A block sums `chunk` rows of a tile of columns. Its threads cover the width of the tile and
// `depth` rows at a time. Each thread adds up its own rows; these sums are then added in pairs.
struct Cut {
  int64_t tiles, width, depth, chunks, chunk;
};

Cut CutUp(int64_t rows, int64_t columns, int64_t threads, int64_t widest, int64_t rows_each, int64_t most_blocks) {
  Cut cut{};
  cut.tiles = DivideUp(columns, widest);
  cut.width = DivideUp(columns, cut.tiles);
  cut.depth = threads / cut.width;
  const int64_t most = cut.tiles < most_blocks ? most_blocks / cut.tiles : 1;
  cut.chunks = DivideUp(rows, cut.depth * rows_each);
  if (cut.chunks > most) cut.chunks = most;
  cut.chunk = DivideUp(rows, cut.chunks);
  cut.chunks = DivideUp(rows, cut.chunk);
  return cut;
}

__device__ __forceinline__ float4 ToFloat(float4 four) { return four; }
using cuda::ToFloat;

template <class From, class Unit, int kThreads>
__global__ void __launch_bounds__(kThreads, 1024 / kThreads)
    SumKernel(const Control* control, const From* x, int64_t rows, int64_t columns, Cut cut, int half, Unit* y) {
  __shared__ Unit room[kThreads];
  if (Stopped(control)) return;
  const int width = static_cast<int>(cut.width), depth = static_cast<int>(cut.depth);
  const int row = static_cast<int>(threadIdx.x) / width;
  const int64_t tile = blockIdx.x % cut.tiles, chunk = blockIdx.x / cut.tiles;
  const int64_t column = tile * width + static_cast<int>(threadIdx.x) % width;
  const int64_t first = chunk * cut.chunk, last = first + cut.chunk < rows ? first + cut.chunk : rows;
  Unit sum{};
  if (row < depth && column < columns) {
#pragma unroll 8
    for (int64_t r = first + row; r < last; r += depth) sum = sum + ToFloat(x[r * columns + column]);
  }
  room[threadIdx.x] = sum;
  for (; half > 0; half /= 2) {
    __syncthreads();
    if (row < half && row + half < depth) {
      room[threadIdx.x] = room[threadIdx.x] + room[static_cast<int>(threadIdx.x) + half * width];
    }
  }
  if (row == 0 && column < columns) y[chunk * columns + column] = room[threadIdx.x];
}

template <int kThreads, class From, class Unit>
Outcome SumUp(const Call& call, Message& message, const From* x, int64_t rows, int64_t columns, const Cut& cut,
              Unit* y) {
  int half = 0;  // half of the smallest power of two that is at least the depth
  for (int64_t power = 1; power < cut.depth; power *= 2) half = static_cast<int>(power);
  return Launch(call, message, {cut.tiles * cut.chunks, kThreads}, SumKernel<From, Unit, kThreads>, call.control, x,
                rows, columns, cut, half, y);
}

constexpr int kThreads = 256, kLastThreads = 1024;

// Chunks are small enough to occupy every multiprocessor, and so large that there are few sums
// compared with the rows.
template <class Unit>
Cut CutRows(int64_t rows, int64_t columns) {
  constexpr int64_t kRowsEach = 16, kMostBlocks = 2048;
  return CutUp(rows, columns / static_cast<int64_t>(sizeof(Unit) / sizeof(float)), kThreads, kThreads, kRowsEach,
               kMostBlocks);
}

template <class From, class Unit>
Outcome SumChunks(const Call& call, Message& message, int64_t rows, int64_t columns, const Cut& cut, float* to) {
  return SumUp<kThreads>(call, message, Input<const From>(call, 0), rows,
                         columns / static_cast<int64_t>(sizeof(Unit) / sizeof(float)), cut,
                         reinterpret_cast<Unit*>(to));
}

Outcome SumChunks(const Call& call, Message& message, int64_t rows, int64_t columns, const Cut& cut, float* to) {
  const bool bf16 = call.inputs[0].spec->dtype == Dtype::kBf16;
  if (InQuads(columns)) {
    return bf16 ? SumChunks<Bf16Four, float4>(call, message, rows, columns, cut, to)
                : SumChunks<float4, float4>(call, message, rows, columns, cut, to);
  }
  return bf16 ? SumChunks<__nv_bfloat16, float>(call, message, rows, columns, cut, to)
              : SumChunks<float, float>(call, message, rows, columns, cut, to);
}

Cut CutRows(int64_t rows, int64_t columns) {
  return InQuads(columns) ? CutRows<float4>(rows, columns) : CutRows<float>(rows, columns);
}

}  // namespace

size_t ScratchSumLeading(const OpView& op, const Params&) {
  const int64_t columns = op.outputs[0].elements(), rows = op.inputs[0].elements() / columns;
  const Cut cut = CutRows(rows, columns);
  return cut.chunks == 1 ? 0 : static_cast<size_t>(cut.chunks * columns) * sizeof(float);
}

Outcome RunSumLeading(const Call& call, Message& message) {
  const int64_t columns = OutputShape(call, 0).elements(), rows = InputShape(call, 0).elements() / columns;
  const Cut cut = CutRows(rows, columns);
  float* y = Output<float>(call, 0);
  float* to = cut.chunks == 1 ? y : static_cast<float*>(call.scratch);
  const Outcome outcome = SumChunks(call, message, rows, columns, cut, to);
  if (outcome != Outcome::kOk || cut.chunks == 1) return outcome;
  // Few rows are left, so tiles are narrow: blocks split the columns.
  const Cut last = CutUp(cut.chunks, columns, kLastThreads, kWarp, cut.chunks, 1);
  return SumUp<kLastThreads>(call, message, to, cut.chunks, columns, last, y);
}

}  // namespace nano::cuda
