// What the kernels of products have in common: which part of which product a block works at, and where sums go.
#pragma once

#include "cuda/gemm.cuh"

namespace nano::cuda {

// a as it is, or b transposed: of side s (a row of c, or a column) term p is data[s * stride + p], or where the terms
// lie across data[s + p * stride]; the next matrix of the batch is `step` elements on.
struct Operand {
  const void* data;
  int64_t stride, step;
  bool across;
};

// Where sums go; between part and part, and between matrix and matrix, lie part_step and step elements.
struct Target {
  void* c;
  int64_t row, step, part_step;
  const float* bias;
  bool accumulate, relu;
  bool bf16;
  bool vector;  // four columns, from a multiple of four on, are all there or none is, and they are aligned
};

// A launch. Block x makes a tile of a matrix of c, block y of `parts` sums `part_terms` of the k terms.
struct Work {
  int64_t m, n, k;
  Operand a, b;
  Target target;
  int64_t batch, parts, part_terms;
  uint32_t tiles_down = 0, tiles_along = 0;  // in each matrix of c
};

// The kernels, one of a kind in a file.
enum class Tile { kThin, kSmall, kLarge };
constexpr int kThinRows = 8;  // the most that a thin product has
constexpr int kSmallSide = 64, kLargeSide = 128;
Outcome MultiplyThin(const Call& call, Message& message, Work work, Dtype dtype);
Outcome MultiplyF32(const Call& call, Message& message, Work work, Tile tile);
Outcome MultiplyTf32(const Call& call, Message& message, Work work, Tile tile);
Outcome MultiplyBf16(const Call& call, Message& message, Work work, Tile tile);

// Cuts c into tiles and launches.
template <class... More>
Outcome LaunchTiles(const Call& call, Message& message, Work& work, int tile_rows, int tile_columns, int threads,
                    size_t shared, void (*kernel)(const Control*, Work, More...), More... more) {
  const int64_t down = DivideUp(work.m, tile_rows), along = DivideUp(work.n, tile_columns);
  work.tiles_down = static_cast<uint32_t>(down), work.tiles_along = static_cast<uint32_t>(along);
  return Launch(call, message, {down * along * work.batch, threads, shared, work.parts}, kernel, call.control, work,
                more...);
}

// Whether 16 bytes may be read at once wherever `piece` elements begin at a multiple of as many.
inline bool InPieces(const Operand& operand, int64_t sides, int64_t terms, int64_t piece) {
  return operand.stride % piece == 0 && operand.step % piece == 0 && (operand.across ? sides : terms) % piece == 0 &&
         reinterpret_cast<uintptr_t>(operand.data) % 16 == 0;
}

// ---- On the device.

// A block's place. Tiles are walked in groups of eight rows of tiles, so that blocks that run together read the same.
struct Place {
  uint32_t matrix, tile_down, tile_along;
  int64_t first, last;  // terms
};

__device__ __forceinline__ Place PlaceOf(const Work& work) {
  constexpr uint32_t kGroup = 8;
  const uint32_t tiles = work.tiles_down * work.tiles_along;
  const uint32_t matrix = blockIdx.x / tiles, tile = blockIdx.x % tiles;
  const uint32_t above = tile / (kGroup * work.tiles_along) * kGroup;
  const uint32_t rows = work.tiles_down - above < kGroup ? work.tiles_down - above : kGroup;
  const uint32_t in_group = tile - above * work.tiles_along;
  const int64_t first = static_cast<int64_t>(blockIdx.y) * work.part_terms, last = first + work.part_terms;
  return {matrix, above + in_group % rows, in_group / rows, first, last < work.k ? last : work.k};
}

// Where the place's first term lies, for a side.
template <class T>
__device__ __forceinline__ const T* DataAt(const Operand& operand, const Place& place, int64_t side) {
  const int64_t side_step = operand.across ? 1 : operand.stride, term_step = operand.across ? operand.stride : 1;
  return static_cast<const T*>(operand.data) + place.matrix * operand.step + side * side_step + place.first * term_step;
}

// How many of kMost there are, if `left` are.
template <int kMost>
__device__ __forceinline__ int AtMost(int64_t left) {
  return left < kMost ? static_cast<int>(left) : kMost;
}

// The sums of a tile may come in turns: later ones are added to what the earlier have left in c.
struct Turn {
  bool first = true, last = true;
};

template <class C, int kCount>
__device__ __forceinline__ void PutAs(const Target& target, int64_t at, int64_t column, int left, float (&sums)[kCount],
                                      Turn turn) {
  struct alignas(kCount * sizeof(C)) Piece {
    C values[kCount];
  };
  C* const c = static_cast<C*>(target.c) + at;
  const bool whole = kCount > 1 && target.vector;
  if (target.accumulate || !turn.first) {
    if (whole) {
      const Piece piece = *reinterpret_cast<const Piece*>(c);
#pragma unroll
      for (int i = 0; i < kCount; ++i) sums[i] += ToFloat(piece.values[i]);
    } else {
#pragma unroll
      for (int i = 0; i < kCount; ++i) {
        if (i < left) sums[i] += ToFloat(c[i]);
      }
    }
  }
  if (turn.last && target.bias != nullptr) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      if (i < left) sums[i] += target.bias[column + i];
    }
  }
  if (turn.last && target.relu) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) sums[i] = sums[i] < 0 ? 0 : sums[i];  // a NaN stays
  }
  if (whole) {
    Piece piece;
#pragma unroll
    for (int i = 0; i < kCount; ++i) piece.values[i] = Rounded<C>(sums[i]);
    *reinterpret_cast<Piece*>(c) = piece;
  } else {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      if (i < left) c[i] = Rounded<C>(sums[i]);
    }
  }
}

// Sums that lie side by side in c, of which `left` are there, go where they belong.
template <bool kMayBeBf16, int kCount>
__device__ __forceinline__ void Put(const Work& work, const Place& place, int64_t row, int64_t column,
                                    float (&sums)[kCount], Turn turn = {}) {
  const Target& target = work.target;
  if (row >= work.m || column >= work.n) return;
  const int64_t at =
      place.matrix * target.step + static_cast<int64_t>(blockIdx.y) * target.part_step + row * target.row + column;
  const int left = AtMost<kCount>(work.n - column);
  if constexpr (kMayBeBf16) {
    if (target.bf16) return PutAs<__nv_bfloat16>(target, at, column, left, sums, turn);
  }
  PutAs<float>(target, at, column, left, sums, turn);
}

}  // namespace nano::cuda
