// Attention's tiles for tensor cores: bf16 in shared memory, multiplied by mma.sync m16n8k16 with
// f32 sums. The two products are those of Tile in attention.cuh.
#pragma once

#include "cuda/attention.cuh"
#include "cuda/ptx.cuh"

namespace nano::cuda {

// Each of four warps has kSlabs slabs of 16 own rows. cp.async copies streamed rows to shared
// memory, one tile ahead.
template <int kHeadChannels, int kSlabs, int kStreamedRows>
struct TensorTile {
  using T = __nv_bfloat16;
  static constexpr int kHead = kHeadChannels, kWarps = 4, kThreads = kWarps * kWarp;
  static constexpr int kWarpRows = kSlabs * 16, kOwn = kWarps * kWarpRows, kStreamed = kStreamedRows;
  // A thread's elements are those of an mma's accumulator: in each 16 × 8 block, two adjacent
  // columns of one row and of the row eight below it.
  static constexpr int kColumnGroups = 4;
  static constexpr int kRows = kSlabs * 2, kColumns = kStreamed / 4, kChannels = kHead / 4;
  static constexpr int kRow = kHead + 8;  // + 8: the eight rows that an ldmatrix reads are in different banks
  static constexpr int kOwnSize = kOwn * kRow, kStreamedSize = kStreamed * kRow;

  static __device__ __forceinline__ int Lane() { return static_cast<int>(threadIdx.x) % kWarp; }
  static __device__ __forceinline__ int FirstRow() { return static_cast<int>(threadIdx.x) / kWarp * kWarpRows; }
  static __device__ __forceinline__ int ColumnGroup() { return Lane() % kColumnGroups; }
  static __device__ __forceinline__ int Row(int i) {
    return FirstRow() + i / 2 * 16 + i % 2 * 8 + Lane() / kColumnGroups;
  }
  static __device__ __forceinline__ int Column(int i) { return i / 2 * 8 + ColumnGroup() * 2 + i % 2; }
  static __device__ __forceinline__ int Channel(int i) { return Column(i); }

  // Reduces over the lanes that share a row.
  template <class Combine>
  static __device__ __forceinline__ float Reduce(float value, Combine combine) {
    value = combine(value, __shfl_xor_sync(~0u, value, 2));
    return combine(value, __shfl_xor_sync(~0u, value, 1));
  }

  // Loads `rows` rows of `width` elements into a tile of kMost rows and fills the rest with zeros.
  // All threads must call it. If `aligned`, rows start at multiples of 16 bytes and are copied with
  // cp.async, which the caller must wait for. The tile can be read after the next barrier.
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

  // Negates the own rows of the warp.
  static __device__ __forceinline__ void Negate(T* own) {
    for (int i = Lane() * 2; i < kWarpRows * kHead; i += kWarp * 2) {
      *reinterpret_cast<unsigned*>(own + (FirstRow() + i / kHead) * kRow + i % kHead) ^= 0x80008000u;  // two channels
    }
    __syncwarp();
  }

  // Loads 16 channels of 16 rows as the a operand of an mma. Registers 0 and 2 are also the b
  // operand of the first eight rows, and registers 1 and 3 that of the others.
  static __device__ __forceinline__ void Fetch(const T* tile, int row, int channel, unsigned (&x)[4]) {
    ptx::ldmatrix_x4(x, tile + (row + Lane() % 16) * kRow + channel + Lane() / 16 * 8);
  }
  // The same, transposed: the rows are the terms of the sums, and the channels their columns.
  static __device__ __forceinline__ void FetchAcross(const T* tile, int row, int channel, unsigned (&x)[4]) {
    ptx::ldmatrix_x4_trans(x, tile + (row + Lane() / 16 * 8 + Lane() % 8) * kRow + channel + Lane() / 8 % 2 * 8);
  }

  // Adds a product to the sums of a slab, in columns 16·group to 16·group + 15.
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

  // Adds the products of own rows and streamed rows to the scores.
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

  // Adds the streamed rows, multiplied by their weights, to the sums. The weights are rounded to
  // bf16 and stay in registers, because an mma's accumulator has the layout of another mma's a
  // operand.
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

  // Stores the first `rows` rows, `width` channels each: two channels at a time if `width` and
  // `stride` are even.
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

// Whether every run of eight channels of a head is complete and aligned to 16 bytes.
inline bool InPieces(const AttentionSizes& s) { return s.head_size % 8 == 0; }

}  // namespace nano::cuda
