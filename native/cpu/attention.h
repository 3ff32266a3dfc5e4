// What attention and attention_backward share: where a head's rows lie, how work is cut, and the mask of a tile.
#pragma once

#include "cpu/gemm.h"
#include "cpu/loops.h"
#include "cpu/random.h"
#include "ops/attention.h"

namespace nano::cpu::NANO_ISA {

struct AttentionSizes {
  int64_t batch, queries, keys, channels, heads, head_size;
};

NANO_INLINE AttentionSizes SizesOf(const Shape& q, const Shape& k, const AttentionParams& p) {
  return {q.dims[0], q.dims[1], k.dims[1], q.dims[2], p.heads, q.dims[2] / p.heads};
}

// A tile of scores: rows are queries from `query` on, columns keys from `key` on.
struct ScoreTile {
  int64_t query, rows, key, columns;
};

// Heads in a task: about 100 µs of work. `pairs`: queries times keys that a task on one head looks at.
NANO_INLINE int64_t HeadsInTask(double pairs, int64_t head_size) {
  const double cost = pairs * static_cast<double>(head_size + 16);
  return cost > 1e6 ? 1 : static_cast<int64_t>(2e6 / (cost + 20000));
}

// Dropout factors of a tile of scores, made for all of it where rows are so short that one by one would waste most of
// each group of 32, and row by row otherwise.
class TileFactors {
 public:
  static constexpr int64_t kShortRow = 64;

  // Floats of room that it needs for tiles of so many rows and columns.
  static NANO_INLINE int64_t Size(int64_t rows, int64_t columns) {
    return RoundUp(kFactorsBefore, 8) + (columns <= kShortRow ? rows * columns : columns) + kFactorsAfter;
  }

  NANO_INLINE TileFactors(const RandomStream& random, const DropoutRule& rule, int64_t keys, float* room)
      : random_(random), rule_(rule), keys_(keys), factors_(room + RoundUp(kFactorsBefore, 8)) {}

  // Call for each tile, with its (batch, head) number.
  NANO_INLINE void Start(int64_t head, const ScoreTile& tile, int64_t queries) {
    first_ = (static_cast<uint64_t>(head) * static_cast<uint64_t>(queries) + static_cast<uint64_t>(tile.query)) *
                 static_cast<uint64_t>(keys_) +
             static_cast<uint64_t>(tile.key);
    if (keys_ <= kShortRow) DropoutFactors(random_, rule_, first_, tile.rows * keys_, factors_);
  }

  // The factors of the first `count` keys of row `row` of the tile.
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
