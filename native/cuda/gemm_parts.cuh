// Shared by the GEMM kernels: which part of which product a block computes, and where its sums go.
#pragma once

#include "cuda/gemm.cuh"

namespace nano::cuda {

// An operand: a, or b transposed. A side is a row of c (for a) or a column of c (for b). Term p of
// side s is data[s * stride + p], or data[s + p * stride] if `across`. Matrices of a batch are
// `step` elements apart.
struct Operand {
  const void* data;
  int64_t stride, step;
  bool across;
};

// Where sums go. Rows of c are `row` elements apart, parts part_step elements and matrices `step`
// elements.
struct Target {
  void* c;
  int64_t row, step, part_step;
  const float* bias;
  bool accumulate, relu;
  bool bf16;
  bool vector;  // groups of four columns are complete and aligned
};

// The arguments of a launch. blockIdx.x selects a tile of a matrix of c. blockIdx.y selects one of
// `parts` parts; each sums `part_terms` of the k terms.
struct Work {
  int64_t m, n, k;
  Operand a, b;
  Target target;
  int64_t batch, parts, part_terms;
  uint32_t tiles_down = 0, tiles_along = 0;  // in each matrix of c
};

// The kernels, one kind per file.
enum class Tile { kThin, kSmall, kLarge };
constexpr int kThinRows = 8;  // the maximum of a thin product
constexpr int kSmallSide = 64, kLargeSide = 128;
Outcome MultiplyThin(const Call& call, Message& message, Work work, Dtype dtype, bool tf32);
Outcome MultiplyF32(const Call& call, Message& message, Work work, Tile tile);
Outcome MultiplyTf32(const Call& call, Message& message, Work work, Tile tile);
Outcome MultiplyBf16(const Call& call, Message& message, Work work, Tile tile);

// Splits c into tiles and launches the kernel.
template <class... More>
Outcome LaunchTiles(const Call& call, Message& message, Work& work, int tile_rows, int tile_columns, int threads,
                    size_t shared, void (*kernel)(const Control*, Work, More...), More... more) {
  const int64_t down = DivideUp(work.m, tile_rows), along = DivideUp(work.n, tile_columns);
  work.tiles_down = static_cast<uint32_t>(down), work.tiles_along = static_cast<uint32_t>(along);
  return Launch(call, message, {down * along * work.batch, threads, shared, work.parts}, kernel, call.control, work,
                more...);
}

// Whether every `piece` elements that start at a multiple of `piece` can be read in one access of
// 16 bytes.
inline bool InPieces(const Operand& operand, int64_t sides, int64_t terms, int64_t piece) {
  return operand.stride % piece == 0 && operand.step % piece == 0 && (operand.across ? sides : terms) % piece == 0 &&
         reinterpret_cast<uintptr_t>(operand.data) % 16 == 0;
}

// ---- On the device.

// The matrix, tile and terms of a block. Tiles are ordered in groups of eight rows of tiles, so
// that blocks that run at the same time read the same data.
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

// The address of the first term of a side in the block's part.
template <class T>
__device__ __forceinline__ const T* DataAt(const Operand& operand, const Place& place, int64_t side) {
  const int64_t side_step = operand.across ? 1 : operand.stride, term_step = operand.across ? operand.stride : 1;
  return static_cast<const T*>(operand.data) + place.matrix * operand.step + side * side_step + place.first * term_step;
}

// The smaller of `left` and kMost.
template <int kMost>
__device__ __forceinline__ int AtMost(int64_t left) {
  return left < kMost ? static_cast<int>(left) : kMost;
}

// The sums of a tile may be stored in several turns. Later turns are added to what earlier turns
// stored in c.
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
    for (int i = 0; i < kCount; ++i) sums[i] = sums[i] < 0 ? 0 : sums[i];  // keeps NaN
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

// Stores kCount adjacent sums of a row of c. Sums past the last row or column are ignored.
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
