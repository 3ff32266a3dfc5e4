// Shared by attention and attention_backward: the description of a call for the kernels, the
// dropout mask of a tile, and tiles with their two products, computed with simdgroup matrices.
#pragma once

#include "metal/kernel.h"
#include "ops/philox.h"

// Sizes of the queries. `keys` and `kv_channels` are those of keys and values. `group` query heads
// share a key head.
struct AttentionArguments {
  uint32_t batch, queries, keys, channels, heads, kv_channels, group;
  float scale, binary_scale;  // for base-2 exponentials: binary_scale is scale·log2 e
  uint32_t site, threshold;   // of dropout
  float kept_scale;
};

#if defined(__METAL_VERSION__)

constant uint kHeadSize [[function_constant(1)]];
constant uint kHasDropout [[function_constant(2)]];
constant uint kIsCached [[function_constant(3)]];

constant constexpr float kLn2 = 0.69314718f;
// Lower than any score that matters. It is finite, because −∞ − (−∞) would be a NaN.
constant constexpr float kLowest = -3.4e38f;

inline float LogSumExp(float top, float sum) { return top * kLn2 + log(sum); }

// Dropout of the attention weights.
struct WeightDropout {
  RandomStream stream;
  uint threshold;

  WeightDropout(device const uint* rng, constant AttentionArguments& a) : stream(rng, a.site), threshold(a.threshold) {}

  uint Kept(ulong block) const {  // one bit per element of the block
    const PhiloxBlock drawn = stream.Block(block);
    uint kept = 0;
    for (uint w = 0; w < 4; ++w) kept |= (drawn.word[w] >= threshold ? 1u : 0u) << w;
    return kept;
  }
  bool Keeps(ulong element) const { return (Kept(element / 4) >> element % 4 & 1) != 0; }
};

// The weights of a tile that dropout keeps: four bits for each Philox block that a row of the tile
// touches.
template <uint kQueries, uint kKeys>
struct KeptWeights {
  static constexpr constant uint kBlocks = kKeys / 4 + 1;  // a row may begin anywhere in its first block
  static constexpr constant uint kSize = kQueries * kBlocks;

  threadgroup uchar* bits;
  ulong first;  // the mask element of the tile's first query and key
  uint stride;  // from one query to the next

  KeptWeights(threadgroup uchar* room, ulong element, uint keys) : bits(room), first(element), stride(keys) {}

  // Called by all threads. A barrier must follow before At().
  void Draw(device const uint* rng, constant AttentionArguments& a, uint thread_index, uint threads) const {
    const WeightDropout dropout(rng, a);
    for (uint i = thread_index; i < kSize; i += threads) {
      const uint query = i / kBlocks, block = i % kBlocks;
      const ulong begin = first + query * ulong(stride);
      if (4 * block < uint(begin % 4) + kKeys) bits[i] = uchar(dropout.Kept(begin / 4 + block));
    }
  }
  bool At(uint query, uint key) const {
    const uint at = (uint(first) + query * stride) % 4 + key;
    return (bits[query * kBlocks + at / 4] >> at % 4 & 1) != 0;
  }
};

template <uint kTall, uint kWide>
struct Fragments {
  simdgroup_float8x8 at[kTall][kWide];

  void Clear() {
#pragma unroll
    for (uint i = 0; i < kTall; ++i) {
#pragma unroll
      for (uint j = 0; j < kWide; ++j) at[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    }
  }
};

// A threadgroup owns kOwn rows: queries, or keys whose gradients it computes. It iterates over
// tiles of kStreamed rows of the other kind. There are two products:
//   Multiply:   scores [own, streamed] += own rows · streamed rows
//   Accumulate: sums [own, channels] += weights [own, streamed] · streamed rows
//
// Each simdgroup has kRows of the owned rows. With more than 64 channels, two simdgroups share the
// same rows and each takes half of the channels, because the registers hold no more; their scores
// are then added. Owned rows and sums are matrices in registers, and streamed rows are in
// threadgroup memory. The mapping of matrix elements to lanes is unspecified, so row-wise work goes
// through `scratch`, where kColumnGroups lanes share a row and each has kColumns columns of it. Two
// simdgroups with the same rows both do this work, because both need its results.
//
// Heads of more than kHead channels are cut into parts. A threadgroup computes one part of the
// results, from scores that are summed over all parts.
template <uint kHeadChannels, uint kTallFragments, uint kGroupSimdgroups>
struct Tile {
  static constexpr constant uint kHead = kHeadChannels, kTall = kTallFragments, kSimdgroups = kGroupSimdgroups;
  static constexpr constant uint kThreads = kSimd * kSimdgroups;
  static constexpr constant uint kSplits = kHead > 64 ? 2 : 1, kMost = kHead / kSplits / 8;
  static constexpr constant uint kRows = 8 * kTall, kOwn = kRows * kSimdgroups / kSplits;
  static constexpr constant uint kStreamed = kHead > 64 ? 16 : 32, kWide = kStreamed / 8;
  static constexpr constant uint kColumnGroups = kSimd / kRows, kColumns = kStreamed / kColumnGroups;
  static constexpr constant uint kRow = kHead + 4, kScratchRow = kStreamed + 4;  // + 4: rows begin in different banks
  static constexpr constant uint kStreamedQuads = kStreamed * kRow / kQuad;
  static constexpr constant uint kScratchQuads = kSimdgroups * kRows * kScratchRow / kQuad;
  typedef Fragments<kTall, kMost> Channels;
  typedef Fragments<kTall, kWide> Scores;

  uint thread_index, lane, split, first_row;
  threadgroup float *all, *scratch;  // of the simdgroups that share rows; of this one

  Tile(Threads at, threadgroup float4* room)
      : thread_index(at.simdgroup * kSimd + at.lane),
        lane(at.lane),
        split(at.simdgroup % kSplits),
        first_row(at.simdgroup / kSplits * kRows),
        all((threadgroup float*)room + (at.simdgroup - split) * kRows * kScratchRow),
        scratch((threadgroup float*)room + at.simdgroup * kRows * kScratchRow) {}

  // ---- Known when a kernel is specialized.
  static uint Parts() { return (kHeadSize + kHead - 1) / kHead; }
  // The number of 8-channel matrices that hold a simdgroup's channels of a row.
  static uint Count() { return Parts() > 1 ? kMost : (kHeadSize + 8 * kSplits - 1) / (8 * kSplits); }
  // Channels of a part in threadgroup memory, padded with zeros.
  static uint Across() { return 8 * kSplits * Count(); }
  static uint Width(uint part) { return min(Across(), kHeadSize - part * Across()); }

  // ---- The lane's part of scratch, and the simdgroup's first channel.
  uint ColumnGroup() const { return lane % kColumnGroups; }
  uint Row() const { return first_row + lane / kColumnGroups; }
  uint Column(uint i) const { return ColumnGroup() * kColumns + i; }
  uint FirstChannel() const { return split * 8 * Count(); }
  threadgroup float* Own() const { return scratch + lane / kColumnGroups * kScratchRow + ColumnGroup() * kColumns; }

  // A barrier for the simdgroups that share rows.
  static void Barrier() {
    if (kSplits == 1) {
      simdgroup_barrier(mem_flags::mem_threadgroup);
    } else {
      threadgroup_barrier(mem_flags::mem_threadgroup);
    }
  }

  // Reductions over the lanes that share a row.
  static float Sum(float value) {
    for (ushort offset = kColumnGroups / 2; offset > 0; offset /= 2) value += simd_shuffle_xor(value, offset);
    return value;
  }
  static float Max(float value) {
    for (ushort offset = kColumnGroups / 2; offset > 0; offset /= 2)
      value = fmax(value, simd_shuffle_xor(value, offset));
    return value;
  }

  // Loads `rows` streamed rows, `width` channels of each, and pads the tile with zeros. Called by
  // all threads.
  void Load(threadgroup float4* to, FloatsIn from, uint stride, uint rows, uint width) const {
    const uint quads = Across() / kQuad;
    for (uint i = thread_index; i < kStreamed * quads; i += kThreads) {
      const uint row = i / quads, quad = i % quads;
      float4 value = float4(0);
      if (row < rows) value = LoadQuad(from.From(row * stride), quad * kQuad, width);
      to[row * (kRow / kQuad) + quad] = value;
    }
  }

  // Loads the simdgroup's share of `rows` owned rows, padded in the same way.
  void LoadOwn(thread Channels& to, FloatsIn from, uint stride, uint rows, uint width) const {
#pragma unroll
    for (uint first = 0; first < kMost; first += kWide) {
      if (first >= Count()) continue;
      for (uint i = lane; i < kRows * kStreamed / kQuad; i += kSimd) {
        const uint row = i / (kStreamed / kQuad), column = i % (kStreamed / kQuad) * kQuad;
        float4 value = float4(0);
        if (first_row + row < rows) {
          value = LoadQuad(from.From((first_row + row) * stride), FirstChannel() + first * 8 + column, width);
        }
        *(threadgroup float4*)(scratch + row * kScratchRow + column) = value;
      }
      simdgroup_barrier(mem_flags::mem_threadgroup);
      LoadFragments(to, first);
    }
  }

  // Writes the first `rows` rows of the sums, `width` channels of each, times the factor that each
  // lane has for its row.
  void Store(thread const Channels& sums, FloatsOut to, uint stride, uint rows, uint width, float factor) const {
    const uint end = min(width, FirstChannel() + 8 * Count());
#pragma unroll
    for (uint first = 0; first < kMost; first += kWide) {
      if (first >= Count()) continue;
      StoreFragments(sums, first);
      for (uint i = 0; i < kColumns && Row() < rows; i += kQuad) {
        const uint channel = FirstChannel() + first * 8 + Column(i);
        StoreQuad(to.From(Row() * stride), channel, end, *(threadgroup float4*)(Own() + i) * factor);
      }
      simdgroup_barrier(mem_flags::mem_threadgroup);
    }
  }

  void Scale(thread Channels& sums, float factor) const {
#pragma unroll
    for (uint first = 0; first < kMost; first += kWide) {
      if (first >= Count()) continue;
      StoreFragments(sums, first);
      for (uint i = 0; i < kColumns; ++i) Own()[i] *= factor;
      simdgroup_barrier(mem_flags::mem_threadgroup);
      LoadFragments(sums, first);
    }
  }

  // Moves kWide matrices of each row, from matrix `first` on, through scratch.
  void LoadFragments(thread Channels& to, uint first) const {
#pragma unroll
    for (uint i = 0; i < kTall; ++i) {
#pragma unroll
      for (uint j = 0; j < kWide; ++j) {
        if (first + j >= Count()) continue;
        simdgroup_load(to.at[i][first + j], scratch + 8 * i * kScratchRow + 8 * j, kScratchRow);
      }
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }
  void StoreFragments(thread const Channels& from, uint first) const {
#pragma unroll
    for (uint i = 0; i < kTall; ++i) {
#pragma unroll
      for (uint j = 0; j < kWide; ++j) {
        if (first + j >= Count()) continue;
        simdgroup_store(from.at[i][first + j], scratch + 8 * i * kScratchRow + 8 * j, kScratchRow);
      }
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }

  // Adds the simdgroup's channels' share of the scores.
  void Multiply(thread const Channels& own, threadgroup const float4* streamed, thread Scores& scores) const {
    threadgroup const float* from = (threadgroup const float*)streamed + FirstChannel();
#pragma unroll
    for (uint d = 0; d < kMost; ++d) {
      if (d >= Count()) continue;
#pragma unroll
      for (uint j = 0; j < kWide; ++j) {
        simdgroup_float8x8 b;
        simdgroup_load(b, from + 8 * j * kRow + 8 * d, kRow, ulong2(0, 0), true);
#pragma unroll
        for (uint i = 0; i < kTall; ++i) {
          simdgroup_multiply_accumulate(scores.at[i][j], own.at[i][d], b, scores.at[i][j]);
        }
      }
    }
  }

  // Returns the lane's scores. A simdgroup that is not busy gets none, but must still call this,
  // because it contains threadgroup barriers.
  void Exchange(thread const Scores& scores, bool busy, thread float (&values)[kColumns]) const {
    if (busy) {
#pragma unroll
      for (uint i = 0; i < kTall; ++i) {
#pragma unroll
        for (uint j = 0; j < kWide; ++j) {
          simdgroup_store(scores.at[i][j], scratch + 8 * i * kScratchRow + 8 * j, kScratchRow);
        }
      }
    }
    Barrier();
    if (busy) {
      threadgroup const float* from = all + (Own() - scratch);
#pragma unroll
      for (uint i = 0; i < kColumns; ++i) {
        values[i] = from[i];
        if (kSplits > 1) values[i] += from[kRows * kScratchRow + i];
      }
    }
    Barrier();
  }

  // Stages the weights in scratch, whose contents are overwritten.
  void Accumulate(thread const float (&weights)[kColumns], threadgroup const float4* streamed,
                  thread Channels& sums) const {
    threadgroup const float* from = (threadgroup const float*)streamed + FirstChannel();
#pragma unroll
    for (uint i = 0; i < kColumns; ++i) Own()[i] = weights[i];
    simdgroup_barrier(mem_flags::mem_threadgroup);
#pragma unroll
    for (uint j = 0; j < kWide; ++j) {
      simdgroup_float8x8 a[kTall];
#pragma unroll
      for (uint i = 0; i < kTall; ++i) simdgroup_load(a[i], scratch + 8 * i * kScratchRow + 8 * j, kScratchRow);
#pragma unroll
      for (uint d = 0; d < kMost; ++d) {
        if (d >= Count()) continue;
        simdgroup_float8x8 b;
        simdgroup_load(b, from + 8 * j * kRow + 8 * d, kRow);
#pragma unroll
        for (uint i = 0; i < kTall; ++i) simdgroup_multiply_accumulate(sums.at[i][d], a[i], b, sums.at[i][d]);
      }
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }
};

#else  // the host's part
#include "metal/kernels.h"
#include "ops/attention.h"

namespace nano::metal {

inline AttentionArguments ArgumentsOf(const Shape& q, const Shape& k, const AttentionParams& p) {
  constexpr double kLog2E = 1.4426950408889634;
  const DropoutRule rule(p.dropout);
  const auto of = [](int64_t n) { return static_cast<uint32_t>(n); };
  return {of(q.dims[0]),
          of(q.dims[1]),
          of(k.dims[1]),
          of(q.dims[2]),
          of(p.heads),
          of(k.dims[2]),
          of(p.heads / p.kv_heads),
          p.scale,
          static_cast<float>(static_cast<double>(p.scale) * kLog2E),
          p.site,
          rule.threshold,
          rule.scale};
}

inline uint32_t HeadSizeOf(const AttentionArguments& a) { return a.channels / a.heads; }

// FLOPs of `products` products of each query with the keys that it attends to.
inline double FlopsOf(const AttentionArguments& a, int products) {
  const double seen = a.keys - 0.5 * (a.queries - 1.0);
  return 2.0 * products * a.batch * a.queries * seen * a.channels;
}

// For few queries and many keys, in attention_few.metal.
bool HasFewQueries(const AttentionArguments& a);
size_t ScratchFewQueries(const AttentionArguments& a);
Outcome AttendFewQueries(const Call& call, const AttentionArguments& a, Constants constants, Operands operands,
                         Message& message);

// The smallest tile that holds a head or a part of one. `names` are the kernels for 32, 64, 96 and
// 128 channels.
struct TileChoice {
  const char* name;
  int64_t head;
};
inline TileChoice ChooseTile(uint32_t head_size, const char* const (&names)[4]) {
  const uint32_t number = head_size <= 96 ? (head_size - 1) / 32 : 3;
  return {names[number], 32 * (int64_t{number} + 1)};
}
inline int64_t PartsOf(uint32_t head_size, const TileChoice& tile) { return DivideUp(head_size, tile.head); }

}  // namespace nano::metal
#endif
