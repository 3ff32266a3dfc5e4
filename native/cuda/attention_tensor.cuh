// Attention's tiles for tensor cores: bf16 in shared memory, multiplied by mma.sync of 16 rows, 8 columns and 16 terms,
// with sums of f32. The two products are those of Tile in attention.cuh.
#pragma once

#include "cuda/attention.cuh"
#include "cuda/ptx.cuh"

namespace nano::cuda {

// Four warps have kSlabs slabs of 16 own rows each. The streamed rows travel to shared memory by cp.async, a tile
// ahead.
template <int kHeadChannels, int kSlabs, int kStreamedRows>
struct TensorTile {
  using T = __nv_bfloat16;
  static constexpr int kHead = kHeadChannels, kWarps = 4, kThreads = kWarps * kWarp;
  static constexpr int kWarpRows = kSlabs * 16, kOwn = kWarps * kWarpRows, kStreamed = kStreamedRows;
  // A thread's share is that of an mma's sums: of each 16 × 8, two columns in a row and in the eighth below it.
  static constexpr int kColumnGroups = 4;
  static constexpr int kRows = kSlabs * 2, kColumns = kStreamed / 4, kChannels = kHead / 4;
  static constexpr int kRow = kHead + 8;  // + 8: the eight rows that an ldmatrix reads lie in different banks
  static constexpr int kOwnSize = kOwn * kRow, kStreamedSize = kStreamed * kRow;

  static __device__ __forceinline__ int Lane() { return static_cast<int>(threadIdx.x) % kWarp; }
  static __device__ __forceinline__ int FirstRow() { return static_cast<int>(threadIdx.x) / kWarp * kWarpRows; }
  static __device__ __forceinline__ int ColumnGroup() { return Lane() % kColumnGroups; }
  static __device__ __forceinline__ int Row(int i) {
    return FirstRow() + i / 2 * 16 + i % 2 * 8 + Lane() / kColumnGroups;
  }
  static __device__ __forceinline__ int Column(int i) { return i / 2 * 8 + ColumnGroup() * 2 + i % 2; }
  static __device__ __forceinline__ int Channel(int i) { return Column(i); }

  // Over the lanes that share a row.
  template <class Combine>
  static __device__ __forceinline__ float Reduce(float value, Combine combine) {
    value = combine(value, __shfl_xor_sync(~0u, value, 2));
    return combine(value, __shfl_xor_sync(~0u, value, 1));
  }

  // `rows` rows of `width` elements to a tile of kMost, and zeros where it has more. All threads. If aligned, rows
  // begin at multiples of 16 bytes, and they have arrived after a wait for cp.async; in any case a barrier later.
  template <int kMost>
  static __device__ __forceinline__ void Load(T* to, const T* from, int64_t stride, int rows, int width, bool aligned) {
    constexpr int kPiece = 8, kRowPieces = kHead / kPiece, kStep = kThreads / kRowPieces;
    static_assert(kMost % kStep == 0);
    const int first = static_cast<int>(threadIdx.x) / kRowPieces;
    const int channel = static_cast<int>(threadIdx.x) % kRowPieces * kPiece;
    from += first * stride + channel;
    to += first * kRow + channel;
    if (aligned) {
#pragma unroll
      for (int n = 0; n < kMost; n += kStep, from += kStep * stride) {
        ptx::cp_async16(to + n * kRow, from, channel < width && first + n < rows);
      }
    } else {
#pragma unroll 1
      for (int n = 0; n < kMost; n += kStep, from += kStep * stride) {
        for (int e = 0; e < kPiece; ++e) {
          to[n * kRow + e] = channel + e < width && first + n < rows ? from[e] : Rounded<T>(0.0f);
        }
      }
    }
  }

  // The warp's own rows get the other sign.
  static __device__ __forceinline__ void Negate(T* own) {
    for (int i = Lane() * 2; i < kWarpRows * kHead; i += kWarp * 2) {
      *reinterpret_cast<unsigned*>(own + (FirstRow() + i / kHead) * kRow + i % kHead) ^= 0x80008000u;  // two channels
    }
    __syncwarp();
  }

  // Of 16 rows 16 channels, as an mma's a operand has them: registers 0 and 2 are the b operand of the first eight
  // rows, 1 and 3 of the others.
  static __device__ __forceinline__ void Fetch(const T* tile, int row, int channel, unsigned (&x)[4]) {
    ptx::ldmatrix_x4(x, tile + (row + Lane() % 16) * kRow + channel + Lane() / 16 * 8);
  }
  // The same where rows are the terms and channels what the sums belong to.
  static __device__ __forceinline__ void FetchAcross(const T* tile, int row, int channel, unsigned (&x)[4]) {
    ptx::ldmatrix_x4_trans(x, tile + (row + Lane() / 16 * 8 + Lane() % 8) * kRow + channel + Lane() / 8 % 2 * 8);
  }

  // Adds to the sums of a slab in the `group`th 16 columns.
  template <int kWidth>
  static __device__ __forceinline__ void MultiplyAdd(float (&sums)[kRows][kWidth], int slab, int group,
                                                     const unsigned (&x)[4], const unsigned (&y)[4]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float* const upper = &sums[slab * 2][group * 4 + half * 2];
      float* const lower = &sums[slab * 2 + 1][group * 4 + half * 2];
      float sum[4] = {upper[0], upper[1], lower[0], lower[1]};
      ptx::mma_bf16(sum, x, {y[half], y[half + 2]});
      upper[0] = sum[0], upper[1] = sum[1], lower[0] = sum[2], lower[1] = sum[3];
    }
  }

  // The scores of own rows with streamed rows.
  static __device__ __forceinline__ void Multiply(const T* own, const T* streamed, float (&scores)[kRows][kColumns]) {
#pragma unroll
    for (int d = 0; d < kHead; d += 16) {
      unsigned x[kSlabs][4];
#pragma unroll
      for (int slab = 0; slab < kSlabs; ++slab) Fetch(own, FirstRow() + slab * 16, d, x[slab]);
#pragma unroll
      for (int s = 0; s < kStreamed; s += 16) {
        unsigned y[4];
        Fetch(streamed, s, d, y);
#pragma unroll
        for (int slab = 0; slab < kSlabs; ++slab) MultiplyAdd(scores, slab, s / 16, x[slab], y);
      }
    }
  }

  // What the streamed rows add, by weights that are rounded to bf16: as the sums of an mma lie, so do the terms of
  // another's a operand, and they stay in registers.
  static __device__ __forceinline__ void Accumulate(const float (&weights)[kRows][kColumns], const T* streamed,
                                                    float (&sums)[kRows][kChannels]) {
#pragma unroll
    for (int s = 0; s < kStreamed; s += 16) {
      unsigned x[kSlabs][4];
#pragma unroll
      for (int slab = 0; slab < kSlabs; ++slab) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const float* const pair = &weights[slab * 2 + i % 2][s / 4 + i / 2 * 2];
          x[slab][i] = ptx::pack_bf16(pair[0], pair[1]);
        }
      }
#pragma unroll
      for (int d = 0; d < kHead; d += 16) {
        unsigned y[4];
        FetchAcross(streamed, s, d, y);
#pragma unroll
        for (int slab = 0; slab < kSlabs; ++slab) MultiplyAdd(sums, slab, d / 16, x[slab], y);
      }
    }
  }

  // The first `rows` rows, `width` channels of each, to memory; two at a time if all rows begin at multiples of that.
  static __device__ __forceinline__ void Store(const float (&sums)[kRows][kChannels], T* to, int64_t stride, int rows,
                                               int width) {
    const bool pairs = width % 2 == 0 && stride % 2 == 0;
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      if (Row(i) >= rows) continue;
      T* const row = to + Row(i) * stride;
#pragma unroll
      for (int c = 0; c < kChannels; c += 2) {
        if (pairs) {
          if (Channel(c) < width) {
            *reinterpret_cast<unsigned*>(row + Channel(c)) = ptx::pack_bf16(sums[i][c], sums[i][c + 1]);
          }
        } else {
          if (Channel(c) < width) row[Channel(c)] = Rounded<T>(sums[i][c]);
          if (Channel(c + 1) < width) row[Channel(c + 1)] = Rounded<T>(sums[i][c + 1]);
        }
      }
    }
  }
};

// Whether 16 bytes may be read at once wherever a head's eighth element is a multiple of eight.
inline bool InPieces(const AttentionSizes& s) { return s.head_size % 8 == 0; }

}  // namespace nano::cuda
