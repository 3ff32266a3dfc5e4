// Shared by attention and attention_backward: where the rows of a head are, the dropout mask of a
// tile, and f32 tiles in shared memory with their two products. attention_tensor.cuh has the tiles
// for tensor cores.
#pragma once

#include "cuda/kernel.cuh"
#include "cuda/ptx.cuh"
#include "ops/attention.h"
#include "ops/philox.h"

namespace nano::cuda {

// `channels` and `heads` are those of the queries; keys and values have kv_channels channels.
// `group` query heads share one key head.
struct AttentionSizes {
  int64_t batch, queries, keys, channels, heads, head_size;
  int64_t kv_channels, group;
};

inline AttentionSizes SizesOf(const Shape& q, const Shape& k, const AttentionParams& p) {
  return {q.dims[0], q.dims[1], k.dims[1], q.dims[2], p.heads, q.dims[2] / p.heads, k.dims[2], p.heads / p.kv_heads};
}

// Exponentials are in base 2, as in hardware: scores are multiplied by scale·log2(e).
constexpr double kLog2E = 1.4426950408889634;
constexpr float kLn2 = 0.69314718f;
inline float BinaryScale(float scale) { return static_cast<float>(static_cast<double>(scale) * kLog2E); }

// Dropout of the attention weights. `rng` is null without dropout.
struct WeightDropout {
  const uint32_t* rng;
  uint32_t site;
  DropoutRule rule;

  __device__ __forceinline__ unsigned Kept(uint64_t block) const {  // one bit for each of the block's elements
    const PhiloxBlock drawn = RandomStream(rng, site).Block(block);
    unsigned kept = 0;
#pragma unroll
    for (int w = 0; w < 4; ++w) kept |= (drawn.word[w] >= rule.threshold ? 1u : 0u) << w;
    return kept;
  }
  __device__ __forceinline__ bool Keeps(uint64_t element) const { return (Kept(element / 4) >> element % 4 & 1) != 0; }
};
inline WeightDropout DropoutOf(const Call& call, const AttentionParams& p, size_t input) {
  return {p.dropout > 0 ? Input<const uint32_t>(call, input) : nullptr, p.site, DropoutRule(p.dropout)};
}

// The arguments of a forward kernel; T is float or __nv_bfloat16.
template <class T>
struct Attention {
  AttentionSizes size;
  const T *q, *k, *v;
  T* y;
  float* lse;
  const int32_t *start, *slot;  // null without a KV cache
  float binary_scale;
  WeightDropout dropout;
};

// For few queries and many keys, in attention_few.cu.
bool HasFewQueries(const AttentionSizes& size);
size_t ScratchFewQueries(const AttentionSizes& size);
Outcome AttendFewQueries(const Call& call, const Attention<float>& attention, Message& message);

// For bf16 on tensor cores, in attention_bf16.cu.
Outcome AttendBf16(const Call& call, const Attention<__nv_bfloat16>& attention, Message& message);
// Sets `has` if tensor cores can compute it: compute capability 8.0 or later, and heads of at most
// 128 channels. Otherwise f32 tiles compute it, with bf16 widened to f32.
Outcome HasTensorCores(const Call& call, const AttentionSizes& size, bool& has, Message& message);

__device__ __forceinline__ float4& Four(float* at) { return *reinterpret_cast<float4*>(at); }
__device__ __forceinline__ const float4& Four(const float* at) { return *reinterpret_cast<const float4*>(at); }

__device__ __forceinline__ float AddProducts(const float4& a, const float4& b, float sum) {
  sum = fmaf(a.x, b.x, sum);
  sum = fmaf(a.y, b.y, sum);
  sum = fmaf(a.z, b.z, sum);
  return fmaf(a.w, b.w, sum);
}

template <int kMost>
__device__ __forceinline__ int AtMost(int64_t n) {
  return n < kMost ? static_cast<int>(n) : kMost;
}

// What to subtract from scores with this maximum: 0 if all scores are −∞, so that their
// exponentials are 0.
__device__ __forceinline__ float ShiftOf(float top) { return top == -INFINITY ? 0.0f : top; }
__device__ __forceinline__ float LogSumExp(float top, float sum) { return ShiftOf(top) * kLn2 + logf(sum); }

// A block owns kOwn rows: queries, or keys whose gradients it computes. It iterates over tiles of
// kStreamed rows of the other kind. There are two products:
//   Multiply:   scores [own, streamed] += own rows · streamed rows
//   Accumulate: sums [own, channels] += weights [own, streamed] · streamed rows
// A thread holds kRows × kColumns scores and kRows × kChannels sums; Row(), Column() and Channel()
// return their positions. kColumnGroups lanes share a row, and a row belongs to one warp. Kernels
// use tiles through this interface only.
//
// This tile uses f32 fused multiply-adds. Weights pass through shared memory without a block
// barrier, because the same warp writes and reads a row.
template <int kHeadChannels>
struct Tile {
  static constexpr int kHead = kHeadChannels;  // channels of a tile: a head padded with zeros, or a part of a head
  static constexpr int kOwn = 64, kStreamed = 32;
  static constexpr int kColumnGroups = 16;  // lanes per row
  static constexpr int kRows = kHead > 64 ? 4 : 8, kColumns = kStreamed / kColumnGroups,
                       kChannels = kHead / kColumnGroups;
  static constexpr int kThreads = kOwn / kRows * kColumnGroups;
  static constexpr int kRow = kHead + 4, kWeightRow = kStreamed + 4;  // + 4: rows start in different banks
  static constexpr int kOwnSize = kOwn * kRow, kStreamedSize = kStreamed * kRow, kWeightSize = kOwn * kWeightRow;
  static constexpr int kTogether = kChannels % 4 == 0 ? 4 : 2;  // adjacent channels of a thread

  static __device__ __forceinline__ int ColumnGroup() { return static_cast<int>(threadIdx.x) % kColumnGroups; }
  static __device__ __forceinline__ int Row(int i) {
    return static_cast<int>(threadIdx.x) / kColumnGroups + kThreads / kColumnGroups * i;
  }
  static __device__ __forceinline__ int Column(int i) { return ColumnGroup() * kColumns + i; }
  static __device__ __forceinline__ int Channel(int i) {
    return (i / kTogether * kColumnGroups + ColumnGroup()) * kTogether + i % kTogether;
  }
  // The position of a streamed row in the tile. Rows that lanes read at the same time are adjacent.
  static __device__ __forceinline__ int Place(int row) { return row % kColumns * kColumnGroups + row / kColumns; }

  // Reduces over the lanes that share a row.
  template <class Combine>
  static __device__ __forceinline__ float Reduce(float value, Combine combine) {
#pragma unroll
    for (int offset = kColumnGroups / 2; offset > 0; offset /= 2) {
      value = combine(value, __shfl_xor_sync(~0u, value, offset));
    }
    return value;
  }

  // Loads `rows` rows of `width` elements into a tile and fills the rest with zeros. All threads
  // must call it.
  template <bool kOwners, class T>
  static __device__ __forceinline__ void Load(float* to, const T* from, int64_t stride, int rows, int width,
                                              bool aligned) {
    if constexpr (sizeof(T) == 2) {
      LoadBy<kOwners, float>(to, from, stride, rows, width);
    } else if (aligned) {
      LoadBy<kOwners, float4>(to, from, stride, rows, width);
    } else {
      LoadBy<kOwners, float>(to, from, stride, rows, width);
    }
  }

  template <bool kOwners, class Vector, class T>
  static __device__ __forceinline__ void LoadBy(float* to, const T* from, int64_t stride, int rows, int width) {
    constexpr int kFloats = sizeof(Vector) / sizeof(float), kStep = kThreads * kFloats / kHead;
    static_assert(kStep % kColumns == 0 && kStreamed % kStep == 0);
    const int first = static_cast<int>(threadIdx.x) * kFloats / kHead;
    const int channel = static_cast<int>(threadIdx.x) * kFloats % kHead;
    from += first * stride + channel;
    to += (kOwners ? first : Place(first)) * kRow + channel;
#pragma unroll 2
    for (int n = 0; n < (kOwners ? kOwn : kStreamed); n += kStep, from += kStep * stride) {
      Vector value{};
      if (channel < width && first + n < rows) value = As<Vector>(from);
      *reinterpret_cast<Vector*>(to + (kOwners ? n : n / kColumns) * kRow) = value;
    }
  }

  template <class Vector>
  static __device__ __forceinline__ Vector As(const float* from) {
    return *reinterpret_cast<const Vector*>(from);
  }
  template <class>
  static __device__ __forceinline__ float As(const __nv_bfloat16* from) {
    return ToFloat(*from);
  }

  // Adds the products over the first `width` channels to the scores.
  static __device__ __forceinline__ void Multiply(const float* own, const float* streamed, int width,
                                                  float (&scores)[kRows][kColumns]) {
#pragma unroll 1
    for (int d = 0; d < width; d += 4) {
      float4 b[kColumns];
#pragma unroll
      for (int j = 0; j < kColumns; ++j) b[j] = Four(streamed + (j * kColumnGroups + ColumnGroup()) * kRow + d);
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        const float4 a = Four(own + Row(i) * kRow + d);
#pragma unroll
        for (int j = 0; j < kColumns; ++j) scores[i][j] = AddProducts(a, b[j], scores[i][j]);
      }
    }
  }

  // Stores weights to shared memory for Accumulate by the same warp. The first __syncwarp waits
  // until the warp has read the previous weights.
  static __device__ __forceinline__ void StoreWeights(const float (&weights)[kRows][kColumns], float* to) {
    __syncwarp();
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) to[Row(i) * kWeightRow + Column(j)] = weights[i][j];
    }
    __syncwarp();
  }

  // Adds the first `count` streamed rows, multiplied by their weights, to the sums.
  static __device__ __forceinline__ void Accumulate(const float* weights, const float* streamed, int count,
                                                    float (&sums)[kRows][kChannels]) {
#pragma unroll 1
    for (int s = 0; s < count; s += 4) {
      float a[kRows][4];
#pragma unroll
      for (int i = 0; i < kRows; ++i) Four(a[i]) = Four(weights + Row(i) * kWeightRow + s);
#pragma unroll
      for (int u = 0; u < 4; ++u) {
        const float* row = streamed + (Place(u) + s / kColumns) * kRow;
        float b[kChannels];
#pragma unroll
        for (int c = 0; c < kChannels; ++c) b[c] = row[Channel(c)];
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
#pragma unroll
          for (int c = 0; c < kChannels; ++c) sums[i][c] = fmaf(a[i][u], b[c], sums[i][c]);
        }
      }
    }
  }

  // Stores the first `rows` rows, `width` channels each.
  template <class T>
  static __device__ __forceinline__ void Store(const float (&sums)[kRows][kChannels], T* to, int64_t stride, int rows,
                                               int width) {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      if (Row(i) >= rows) continue;
#pragma unroll
      for (int c = 0; c < kChannels; ++c) {
        if (Channel(c) < width) to[Row(i) * stride + Channel(c)] = Rounded<T>(sums[i][c]);
      }
    }
  }
};

// The weights of a tile that dropout keeps: four bits for each Philox block that a row of the tile
// touches.
template <int kQueries, int kKeys, int kThreads>
struct KeptWeights {
  static constexpr int kBlocks = kKeys / 4 + 1;  // a row may start anywhere in its first block
  static constexpr int kBytes = (kQueries * kBlocks + 15) / 16 * 16;

  uint8_t* bits;    // shared memory
  uint64_t first;   // index in the whole mask of the tile's first query and key
  uint64_t stride;  // between queries

  // All threads must call it. The mask can be read after the next barrier.
  __device__ __forceinline__ void Draw(const WeightDropout& dropout) const {
    for (int i = static_cast<int>(threadIdx.x); i < kQueries * kBlocks; i += kThreads) {
      const int query = i / kBlocks, block = i % kBlocks;
      bits[i] = static_cast<uint8_t>(dropout.Kept((first + query * stride) / 4 + block));
    }
  }
  __device__ __forceinline__ bool At(int query, int key) const {
    const unsigned begin = static_cast<unsigned>(first) + static_cast<unsigned>(query) * static_cast<unsigned>(stride);
    const unsigned at = begin % 4 + static_cast<unsigned>(key);
    return (bits[static_cast<unsigned>(query) * kBlocks + at / 4] >> at % 4 & 1) != 0;
  }
};

// How a head is split into parts of kHead channels. A block computes one part of the outputs;
// scores are sums over all parts.
struct HeadParts {
  int64_t count;
  int size;  // channels of a head
  bool aligned;

  template <class Tile>
  static HeadParts Of(const AttentionSizes& s) {
    return {DivideUp(s.head_size, Tile::kHead), static_cast<int>(s.head_size), s.head_size % 4 == 0};
  }
  template <class Tile>
  __device__ __forceinline__ int Width(int64_t part) const {
    return AtMost<Tile::kHead>(size - part * Tile::kHead);
  }
};

// The tile for bf16 that is widened to f32. Heads of more than 64 channels are split.
using WideningTile = Tile<64>;

// Calls `run` with the smallest tile that holds a head. Heads of more than 128 channels are split,
// and heads of more than 64 where the device has less than `wide_bytes` of shared memory per block.
template <class Run>
Outcome WithTile(const Call& call, const AttentionSizes& size, size_t wide_bytes, Message& message, const Run& run) {
  if (size.head_size <= 32) return run(Tile<32>());
  if (size.head_size <= 64) return run(Tile<64>());
  int most = 0;
  const cudaError_t error = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, call.queue->ordinal);
  if (error != cudaSuccess) return OutcomeOf(error, "cudaDeviceGetAttribute", message);
  return static_cast<size_t>(most) < wide_bytes ? run(Tile<64>()) : run(Tile<128>());
}

}  // namespace nano::cuda
