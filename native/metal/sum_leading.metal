// sum_leading: sums over rows in two steps, first within chunks of rows, then over the chunks.
#include "metal/kernel.h"

// A threadgroup sums `chunk` rows of a tile of columns. Its threads cover the width of the tile in
// quads, and `depth` rows at a time. Each thread adds up its own rows. The sums of the threads are
// then added in pairs.
struct SumLeadingArguments {
  uint32_t rows, columns;
  uint32_t tiles, width, depth, chunk;
};

#if defined(__METAL_VERSION__)

constant constexpr uint kThreads = 256;

kernel void sum_leading(device const Control& control [[buffer(0)]], constant SumLeadingArguments& cut [[buffer(1)]],
                        device float* y [[buffer(2)]], device const float* x [[buffer(3)]],
                        uint group [[threadgroup_position_in_grid]],
                        uint thread_index [[thread_index_in_threadgroup]]) {
  threadgroup float4 room[kThreads];
  if (Stopped(control)) return;
  const uint chunk = group / cut.tiles, first = chunk * cut.chunk, last = min(first + cut.chunk, cut.rows);
  const uint row = thread_index / cut.width;
  const uint column = (group % cut.tiles * cut.width + thread_index % cut.width) * kQuad;
  float4 sum = float4(0);
  if (row < cut.depth && column < cut.columns) {
#pragma unroll 4
    for (uint r = first + row; r < last; r += cut.depth) {
      sum += LoadQuad(FloatsIn(x, 1u), r * cut.columns + column, (r + 1) * cut.columns);
    }
  }
  room[thread_index] = sum;
  for (uint rows = cut.depth; rows > 1;) {
    const uint half_rows = (rows + 1) / 2;  // if odd, the middle one stays as it is
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (row + half_rows < rows) room[thread_index] += room[thread_index + half_rows * cut.width];
    rows = half_rows;
  }
  if (row == 0 && column < cut.columns) {
    StoreQuad(FloatsOut(y, 0u), chunk * cut.columns + column, (chunk + 1) * cut.columns, room[thread_index]);
  }
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {
namespace {

constexpr int kThreads = 256;

struct Cut {
  SumLeadingArguments arguments;
  int64_t chunks;
};

Cut CutUp(int64_t rows, int64_t columns, int64_t widest, int64_t rows_each, int64_t most_groups) {
  const int64_t quads = DivideUp(columns, kQuad), tiles = DivideUp(quads, widest), width = DivideUp(quads, tiles);
  const int64_t depth = kThreads / width, most = tiles < most_groups ? most_groups / tiles : 1;
  int64_t chunks = DivideUp(rows, depth * rows_each);
  if (chunks > most) chunks = most;
  const int64_t chunk = DivideUp(rows, chunks);
  const auto count = [](int64_t number) { return static_cast<uint32_t>(number); };
  return {{count(rows), count(columns), count(tiles), count(width), count(depth), count(chunk)}, DivideUp(rows, chunk)};
}

// Chunks are small enough that every core gets threadgroups, and large enough that their sums are
// few compared with the rows.
Cut CutRows(int64_t rows, int64_t columns) {
  constexpr int64_t kRowsEach = 16, kMostGroups = 256;
  return CutUp(rows, columns, kThreads, kRowsEach, kMostGroups);
}

Outcome SumUp(const Call& call, Message& message, const Cut& cut, const Operand& y, const Operand& x) {
  return Launch(call, message, {cut.arguments.tiles * cut.chunks, kThreads}, {"sum_leading", "sum_leading"}, {},
                cut.arguments, {y, x});
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
  const Operand y = call.outputs[0], chunks = call.scratch;
  const Outcome outcome = SumUp(call, message, cut, cut.chunks == 1 ? y : chunks, call.inputs[0]);
  if (outcome != Outcome::kOk || cut.chunks == 1) return outcome;
  // Narrow tiles: there are few rows now, so the columns are divided among the threadgroups.
  constexpr int64_t kNarrow = 8;
  return SumUp(call, message, CutUp(cut.chunks, columns, kNarrow, cut.chunks, 1), y, chunks);
}

}  // namespace nano::metal
#endif
