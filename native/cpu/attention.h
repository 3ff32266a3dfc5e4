// Code shared by attention and attention_backward: the layout of heads, the split into tasks, and
// the mask of a tile.
#pragma once

#include "cpu/gemm.h"
#include "cpu/loops.h"
#include "cpu/random.h"
#include "ops/attention.h"

namespace nano::cpu::NANO_ISA {

// `channels` and `heads` are those of the queries; keys and values have kv_channels channels.
// `group` query heads share one key and value head.
struct AttentionSizes {
  int64_t batch, queries, keys, channels, heads, head_size;
  int64_t kv_channels, group;
};

NANO_INLINE AttentionSizes SizesOf(const Shape& q, const Shape& k, const AttentionParams& p) {
  return {q.dims[0], q.dims[1], k.dims[1], q.dims[2], p.heads, q.dims[2] / p.heads, k.dims[2], p.heads / p.kv_heads};
}

// Prefetches `count` rows of n floats.
NANO_INLINE void FetchRows(const float* rows, int64_t stride, int64_t count, int64_t n) {
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t d = 0; d < n; d += kLine) PrefetchFar(rows + i * stride + d);
  }
}

// Prefetches rows [begin, begin + count) of the head after head `number`, if there is one: the next
// head of the same sequence or the first of the next sequence. `from` is the start of head `number`
// in tensors that have `length` rows of `channels` floats per sequence.
template <int kTensors>
NANO_INLINE void FetchNextHead(const AttentionSizes& s, int64_t channels, int64_t number, int64_t length, int64_t begin,
                               int64_t count, const float* const (&from)[kTensors]) {
  const int64_t heads = channels / s.head_size;
  if (number + 1 == s.batch * heads) return;
  const bool beside = (number + 1) % heads != 0;
  const int64_t next = beside ? s.head_size : length * channels - (heads - 1) * s.head_size;
  for (const float* tensor : from) FetchRows(tensor + next + begin * channels, channels, count, s.head_size);
}

// A tile of scores. Its rows are the queries from `query` on, its columns the keys from `key` on.
struct ScoreTile {
  int64_t query, rows, key, columns;
};

// Heads per task: 15 to 30 µs of work, so that threads finish at about the same time. `pairs` is
// the number of query-key pairs that one head computes.
NANO_INLINE int64_t HeadsInTask(double pairs, int64_t head_size) {
  const double cost = pairs * static_cast<double>(head_size + 16);
  return cost > 2.5e5 ? 1 : static_cast<int64_t>(5e5 / (cost + 20000));
}

// Heads with at most this many keys are processed whole, with eight queries in a vector. Maxima and
// sums over the keys are then sums of vectors, and the exponentials are independent of one another.
constexpr int64_t kShortKeys = 16;
// Such heads per task: a few µs of work, because a model with such short heads has little more work
// in total.
constexpr int64_t kShortHeads = 16;

// Transposes up to eight rows of n floats into n vectors of eight. Missing rows are 0.
NANO_INLINE void Columns(const float* from, int64_t stride, int64_t rows, int64_t n, float* to) {
  for (int64_t d = 0; d < n; d += 8) {
    const int64_t lanes = Smaller(8, n - d);
    F8 block[8];
    for (int64_t i = 0; i < 8; ++i) block[i] = i < rows ? LoadLanes(from + i * stride + d, lanes) : Set(0);
    Transpose(block);
    for (int64_t i = 0; i < lanes; ++i) Store(to + (d + i) * 8, block[i]);
  }
}

// products[i] = Σ row[i][d] · columns[d], for kRows rows.
template <int kRows>
NANO_INLINE void RowsTimesColumns(const float* rows, int64_t stride, int64_t n, const float* columns, float* products) {
  F8 sums[kRows];
  for (int i = 0; i < kRows; ++i) sums[i] = Set(0);
  for (int64_t d = 0; d < n; ++d) {
    const F8 column = Load(columns + 8 * d);
    for (int i = 0; i < kRows; ++i) sums[i] = MulAdd(Set(rows[i * stride + d]), column, sums[i]);
  }
  for (int i = 0; i < kRows; ++i) Store(products + 8 * i, sums[i]);
}
NANO_INLINE void TimesColumns(const float* rows, int64_t stride, int64_t count, int64_t n, const float* columns,
                              float* products) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) RowsTimesColumns<8>(rows + i * stride, stride, n, columns, products + 8 * i);
  for (; i < count; ++i) RowsTimesColumns<1>(rows + i * stride, stride, n, columns, products + 8 * i);
}

// y[i] = factor[i] · Σ weights[j][i] · row[j] over `count` rows j of n floats, for up to eight rows
// i.
NANO_INLINE void WeightedRows(const float* weights, int64_t count, const float* from, int64_t stride, int64_t n,
                              F8 factor, int64_t rows, float* y, int64_t y_stride) {
  for (int64_t d = 0; d < n; d += 8) {
    const int64_t lanes = Smaller(8, n - d);
    F8 sums[8];
    for (int i = 0; i < 8; ++i) sums[i] = Set(0);
    for (int64_t j = 0; j < count; ++j) {
      const F8 weight = Load(weights + 8 * j);
      const float* row = from + j * stride + d;
      if (lanes == 8) {
        for (int i = 0; i < 8; ++i) sums[i] = MulAdd(weight, Set(row[i]), sums[i]);
      } else {
        for (int i = 0; i < lanes; ++i) sums[i] = MulAdd(weight, Set(row[i]), sums[i]);
      }
    }
    for (int i = 0; i < 8; ++i) sums[i] = sums[i] * factor;
    Transpose(sums);
    for (int64_t i = 0; i < rows; ++i) StoreLanes(y + i * y_stride + d, lanes, sums[i]);
  }
}

// How many of the eight queries from position `query` on come before key j and therefore don't
// attend to it.
NANO_INLINE int64_t Blind(int64_t query, int64_t j) { return Larger(0, Smaller(8, j - query)); }

// Dropout factors of a tile of scores. They are computed in groups of 32. For short rows one call
// computes the whole tile, because row by row would waste most of each group.
class TileFactors {
 public:
  static constexpr int64_t kShortRow = 64;

  // The size of `room` in floats for tiles of `rows` rows and `columns` columns.
  static NANO_INLINE int64_t Size(int64_t rows, int64_t columns) {
    return RoundUp(kFactorsBefore, 8) + (columns <= kShortRow ? rows * columns : columns) + kFactorsAfter;
  }

  NANO_INLINE TileFactors(const RandomStream& random, const DropoutRule& rule, int64_t keys, float* room)
      : random_(random), rule_(rule), keys_(keys), factors_(room + RoundUp(kFactorsBefore, 8)) {}

  // Call for each tile. `head` is the index of its (batch, head) pair.
  NANO_INLINE void Start(int64_t head, const ScoreTile& tile, int64_t queries) {
    first_ = (static_cast<uint64_t>(head) * static_cast<uint64_t>(queries) + static_cast<uint64_t>(tile.query)) *
                 static_cast<uint64_t>(keys_) +
             static_cast<uint64_t>(tile.key);
    if (keys_ <= kShortRow) DropoutFactors(random_, rule_, first_, tile.rows * keys_, factors_);
  }

  // The factors of the first `count` keys in row `row` of the tile.
  NANO_INLINE const float* Row(int64_t row, int64_t count) {
    if (keys_ <= kShortRow) return factors_ + row * keys_;
    DropoutFactors(random_, rule_, first_ + static_cast<uint64_t>(row) * static_cast<uint64_t>(keys_), count, factors_);
    return factors_;
  }

 private:
  WideRandom random_;
  DropoutRule rule_;
  int64_t keys_;
  float* factors_;
  uint64_t first_ = 0;
};

}  // namespace nano::cpu::NANO_ISA
