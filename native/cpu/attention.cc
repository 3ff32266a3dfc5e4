// attention: processes tiles of scores and keeps a running maximum and sum for each query (Dao et
// al., 2022), so that at most one tile is in memory. A task computes a block of queries of one
// head, or several small heads.
#include "cpu/attention.h"

#include <cstring>

#include "cpu/kernels.h"
#include "ops/math.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
namespace {

constexpr int64_t kBlockQueries = 256;  // per task; they share packed keys and values
constexpr int64_t kTileQueries = 24, kTileKeys = 256;
constexpr int64_t kFewQueries = 4;    // max queries for which keys and values aren't packed
constexpr int64_t kRowsTogether = 8;  // key or value rows at a time

struct Attention {
  AttentionSizes size;
  const float *q, *k, *v;
  float *y, *lse;
  float scale;
  const int32_t *start, *slot;  // null without a cache: keys have the queries' positions
  bool dropout;
  RandomStream random;
  DropoutRule rule;
};

// One head of queries: the start of its rows in each tensor, and the position of the first query
// among the keys.
struct Head {
  int64_t number, start;
  const float *q, *keys, *values;
  float *y, *lse;
};

NANO_INLINE Head HeadOf(const Attention& a, int64_t number) {
  const AttentionSizes& s = a.size;
  const int64_t batch = number / s.heads, head = number % s.heads;
  const int64_t from =
      (a.slot != nullptr ? a.slot[batch] : batch) * s.keys * s.kv_channels + head / s.group * s.head_size;
  const int64_t at = batch * s.queries * s.channels + head * s.head_size;
  return {number,
          a.start != nullptr ? a.start[batch] : 0,
          a.q + at,
          a.k + from,
          a.v + from,
          a.y + at,
          a.lse + number * s.queries};
}

// A worker's scratch in floats. For few queries it has no packed keys or values, but a sum and a
// row of scores for each head.
struct Room {
  float *keys, *values, *scores, *sums, *factors;
};

NANO_INLINE int64_t BlockQueries(const AttentionSizes& s) { return Smaller(kBlockQueries, s.queries); }
NANO_INLINE int64_t TileKeys(const AttentionSizes& s) {
  return s.queries <= kFewQueries ? s.keys : Smaller(kTileKeys, s.keys);
}
NANO_INLINE int64_t ScoresRow(const AttentionSizes& s) { return RoundUp(TileKeys(s), kTileColumns); }
NANO_INLINE int64_t PackedKeysSize(const AttentionSizes& s) {
  return s.queries <= kFewQueries ? 0 : RoundUp(PackedSize(s.head_size, TileKeys(s)), 16);
}
NANO_INLINE int64_t PackedValuesSize(const AttentionSizes& s) {
  return s.queries <= kFewQueries ? 0 : RoundUp(PackedSize(TileKeys(s), s.head_size), 16);
}
NANO_INLINE int64_t ScoresSize(const AttentionSizes& s) {
  return (s.queries <= kFewQueries ? s.heads : Smaller(kTileQueries, s.queries)) * ScoresRow(s);
}
NANO_INLINE int64_t SumsSize(const AttentionSizes& s) { return s.queries <= kFewQueries ? RoundUp(s.heads, 16) : 0; }
NANO_INLINE int64_t RoomSize(const AttentionSizes& s) {
  return PackedKeysSize(s) + PackedValuesSize(s) + ScoresSize(s) + SumsSize(s) +
         RoundUp(TileFactors::Size(Smaller(kTileQueries, s.queries), TileKeys(s)), 16);
}
NANO_INLINE Room RoomAt(const AttentionSizes& s, float* at) {
  float *values = at + PackedKeysSize(s), *scores = values + PackedValuesSize(s), *sums = scores + ScoresSize(s);
  return {at, values, scores, sums, sums + SumsSize(s)};
}

// Replaces scores[0, count) with exp(scale·score − top) times the dropout factors. `top` is the
// running maximum. Returns the sum before dropout.
NANO_INLINE float Exponentials(float* scores, int64_t count, float scale, float top, const float* factors) {
  const F8 factor = Set(scale), shift = Set(top == -kFloatInfinity ? 0.0f : top);
  return SumOver(count, [&](int64_t i, int64_t lanes) {
    const F8 e = KeepLanes(Exp(LoadLanes(scores + i, lanes) * factor - shift), lanes);
    StoreLanes(scores + i, lanes, factors == nullptr ? e : e * LoadLanes(factors + i, lanes));
    return e;
  });
}

NANO_INLINE float LargestScaled(const float* scores, int64_t count, float scale) {
  const F8 factor = Set(scale), least = Set(-kFloatInfinity);
  F8 largest[2] = {least, least};
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    largest[0] = Max(Load(scores + i) * factor, largest[0]);
    largest[1] = Max(Load(scores + i + 8) * factor, largest[1]);
  }
  for (; i < count; i += 8) {
    const int64_t lanes = Smaller(8, count - i);
    const F8 scaled = LoadLanes(scores + i, lanes) * factor;
    largest[0] = Max(lanes == 8 ? scaled : FirstElse(lanes, scaled, least), largest[0]);
  }
  return Largest(Max(largest[0], largest[1]));
}

NANO_INLINE void ScaleRow(float* row, int64_t n, float by) {
  const F8 factor = Set(by);
  Map(row, row, n, [&](F8 a) { return a * factor; });
}

NANO_INLINE float ExpOf(float x) { return FirstLane(Exp(Set(x))); }

// The running state of a query: the maximum so far and the sum of exponentials relative to it.
struct Running {
  float top = -kFloatInfinity, sum = 0;
};

// Computes the softmax of a tile row by row. Rescales y's rows if the maximum changes.
void SoftmaxTile(const Attention& a, int64_t start, const ScoreTile& tile, float* scores, TileFactors& factors,
                 Running* running, float* y) {
  const int64_t row_size = ScoresRow(a.size);
  for (int64_t r = 0; r < tile.rows; ++r, scores += row_size) {
    const int64_t visible = Smaller(tile.columns, start + tile.query + r + 1 - tile.key);
    Running& state = running[r];
    if (visible > 0) {
      const float top = LargestScaled(scores, visible, a.scale);
      if (tile.key > 0 && top > state.top) {
        const float by = state.top == -kFloatInfinity ? 0.0f : ExpOf(state.top - top);
        state.sum *= by;
        ScaleRow(y + r * a.size.channels, a.size.head_size, by);
      }
      if (top > state.top) state.top = top;
      state.sum += Exponentials(scores, visible, a.scale, state.top, a.dropout ? factors.Row(r, visible) : nullptr);
    }
    const int64_t first_hidden = Larger(0, visible);
    std::memset(scores + first_hidden, 0, static_cast<size_t>(tile.columns - first_hidden) * sizeof(float));
  }
}

NANO_INLINE F8 LogSumExp(F8 top, F8 sum) { return AndNot(LessEqual(top, Set(-kFloatInfinity)), top) + Log(sum); }

NANO_INLINE void FinishRows(const Attention& a, const Running* running, int64_t rows, float* y, float* lse) {
  for (int64_t t = 0; t < rows; t += 8) {
    const int64_t count = Smaller(8, rows - t);
    float tops[8] = {}, sums[8] = {};
    for (int64_t i = 0; i < count; ++i) {
      tops[i] = running[t + i].top;
      sums[i] = running[t + i].sum;
      ScaleRow(y + (t + i) * a.size.channels, a.size.head_size, 1.0f / sums[i]);
    }
    StoreLanes(lse + t, count, LogSumExp(Load(tops), Load(sums)));
  }
}

// Computes queries [begin, end) of one head with tiles of packed keys.
void AttendBlock(const Attention& a, const Head& head, int64_t begin, int64_t end, const Room& room,
                 TileFactors& factors) {
  const AttentionSizes& s = a.size;
  Running running[kBlockQueries];
  for (int64_t key = 0; key < head.start + end; key += kTileKeys) {
    const int64_t loaded = Smaller(kTileKeys, head.start + end - key), at = key * s.kv_channels;
    Pack({head.keys + at, 1, s.kv_channels}, s.head_size, loaded, room.keys);
    Pack({head.values + at, s.kv_channels, 1}, loaded, s.head_size, room.values);
    for (int64_t t = begin; t < end; t += kTileQueries) {
      const int64_t rows = Smaller(kTileQueries, end - t),
                    limit = head.start + t + 1 - key;  // keys that the first row attends to
      const ScoreTile tile = {t, rows, key, Smaller(loaded, head.start + t + rows - key)};
      if (tile.columns <= 0) continue;
      float* y = head.y + t * s.channels;
      MultiplyPacked(rows, tile.columns, s.head_size, {head.q + t * s.channels, s.channels, 1}, room.keys, room.scores,
                     ScoresRow(s), false, {.column_limit = limit});
      if (key == 0 && begin == 0 && a.slot == nullptr) {
        if ((head.number + 1) % s.group == 0) {
          FetchNextHead(s, s.kv_channels, head.number / s.group, s.keys, t, rows, {head.keys, head.values});
        }
        FetchNextHead(s, s.channels, head.number, s.queries, t, rows, {head.q});
      }
      if (a.dropout) factors.Start(head.number, tile, s.queries);
      SoftmaxTile(a, head.start, tile, room.scores, factors, running + (t - begin), y);
      MultiplyPacked(rows, s.head_size, loaded, {room.scores, ScoresRow(s), 1}, room.values, y, s.channels, key > 0,
                     {.used = tile.columns, .last_limit = limit});
    }
  }
  FinishRows(a, running, end - begin, head.y + begin * s.channels, head.lse + begin);
}

// Computes a whole head with few keys, eight queries at a time.
void AttendShort(const Attention& a, const Head& head, const Room& room, TileFactors& factors) {
  const AttentionSizes& s = a.size;
  if (a.dropout) factors.Start(head.number, {0, s.queries, 0, s.keys}, s.queries);
  const F8 scale = Set(a.scale), hidden = Set(-kFloatInfinity);
  float scores[8 * kShortKeys], dropped[8 * kShortKeys];
  for (int64_t t = 0; t < s.queries; t += 8) {
    const int64_t rows = Smaller(8, s.queries - t), query = head.start + t, seen = Smaller(s.keys, query + rows);
    Columns(head.q + t * s.channels, s.channels, rows, s.head_size, room.keys);
    TimesColumns(head.keys, s.kv_channels, seen, s.head_size, room.keys, scores);
    F8 top = hidden;
    for (int64_t j = 0; j < seen; ++j) {
      const F8 scaled = FirstElse(Blind(query, j), hidden, Load(scores + 8 * j) * scale);
      Store(scores + 8 * j, scaled);
      top = Max(scaled, top);
    }
    const F8 shift = AndNot(LessEqual(top, hidden), top);
    F8 sum = Set(0);
    for (int64_t j = 0; j < seen; ++j) {
      const F8 e = Exp(Load(scores + 8 * j) - shift);  // exp(−∞) is 0
      Store(scores + 8 * j, e);
      sum = sum + e;
    }
    if (a.dropout) {
      Columns(factors.Row(t, s.keys), s.keys, rows, seen, dropped);
      for (int64_t i = 0; i < 8 * seen; i += 8) Store(scores + i, Load(scores + i) * Load(dropped + i));
    }
    WeightedRows(scores, seen, head.values, s.kv_channels, s.head_size, Set(1.0f) / sum, rows, head.y + t * s.channels,
                 s.channels);
    StoreLanes(head.lse + t, rows, shift + Log(sum));
  }
}

// scores[j] = q · row j, for up to eight keys.
NANO_INLINE void ScoreRows(const float* q, const float* keys, int64_t stride, int64_t rows, int64_t n, float* scores) {
  F8 sums[8];
  for (int64_t r = 0; r < 8; ++r) sums[r] = Set(0);
  for (int64_t d = 0; d < n; d += 8) {
    const int64_t lanes = Smaller(8, n - d);
    const F8 terms = LoadLanes(q + d, lanes);
    for (int64_t r = 0; r < 8; ++r) {
      const float* row = keys + Smaller(r, rows - 1) * stride;  // repeats the last row; its sum is discarded
      sums[r] = MulAdd(terms, LoadLanes(row + d, lanes), sums[r]);
    }
  }
  StoreLanes(scores, rows, SumEach(sums));
}

// y += Σ weights[j] · row j, for kVectors vectors of 8 lanes or one vector of fewer.
template <int kVectors>
NANO_INLINE void AddWeighted(const float* weights, int64_t rows, const float* values, int64_t stride, int64_t lanes,
                             float* y) {
  F8 sums[kVectors];
  for (int v = 0; v < kVectors; ++v) sums[v] = LoadLanes(y + 8 * v, lanes);
  for (int64_t j = 0; j < rows; ++j) {
    const F8 weight = Set(weights[j]);
    for (int v = 0; v < kVectors; ++v) {
      sums[v] = MulAdd(weight, LoadLanes(values + j * stride + 8 * v, lanes), sums[v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) StoreLanes(y + 8 * v, lanes, sums[v]);
}
NANO_INLINE void AddWeightedRows(const float* weights, int64_t rows, const float* values, int64_t stride, int64_t n,
                                 float* y) {
  int64_t d = 0;
  for (; d + 64 <= n; d += 64) AddWeighted<8>(weights, rows, values + d, stride, 8, y + d);
  for (; d + 32 <= n; d += 32) AddWeighted<4>(weights, rows, values + d, stride, 8, y + d);
  for (; d < n; d += 8) AddWeighted<1>(weights, rows, values + d, stride, Smaller(8, n - d), y + d);
}

// Reads one number from each cache line of some rows. Reads in memory order trigger the hardware
// prefetcher, which prefetch instructions don't. `volatile` keeps the reads.
NANO_INLINE void ReadRows(const float* rows, int64_t stride, int64_t count, int64_t n) {
  for (int64_t i = 0; i < count; ++i) {
    const volatile float* row = rows + i * stride;
    for (int64_t d = 0; d < n; d += kLine) static_cast<void>(row[d]);
  }
}

// Computes few queries without packing, for the query heads of key heads [first, first + kv_heads).
// In generation, the cost of a token is reading the cache, so this reads it once and in memory
// order.
void AttendFew(const Attention& a, int64_t batch, int64_t first, int64_t kv_heads, const Room& room,
               TileFactors& factors) {
  const AttentionSizes& s = a.size;
  const Head head = HeadOf(a, batch * s.heads + first * s.group);
  const int64_t heads = kv_heads * s.group, row_size = ScoresRow(s);
  // Calls body(h, j, row j, rows) for each head and a few rows at a time of those that a query
  // attends to.
  const auto for_rows = [&](const float* from, int64_t visible, const auto& body) {
    for (int64_t j = 0; j < visible; j += kRowsTogether) {
      const int64_t rows = Smaller(kRowsTogether, visible - j);
      const float* at = from + j * s.kv_channels;
      ReadRows(at, s.kv_channels, rows, kv_heads * s.head_size);
      for (int64_t h = 0; h < heads; ++h) body(h, j, at + h / s.group * s.head_size, rows);
    }
  };
  for (int64_t t = 0; t < s.queries; ++t) {
    const int64_t visible = head.start + t + 1;
    const float* q = head.q + t * s.channels;
    float* y = head.y + t * s.channels;
    for_rows(head.keys, visible, [&](int64_t h, int64_t j, const float* keys, int64_t rows) {
      ScoreRows(q + h * s.head_size, keys, s.kv_channels, rows, s.head_size, room.scores + h * row_size + j);
    });
    for (int64_t h = 0; h < heads; ++h) {
      if (a.dropout) factors.Start(head.number + h, {0, s.queries, 0, s.keys}, s.queries);
      float* scores = room.scores + h * row_size;
      const float top = LargestScaled(scores, visible, a.scale);
      room.sums[h] = Exponentials(scores, visible, a.scale, top, a.dropout ? factors.Row(t, visible) : nullptr);
      head.lse[h * s.queries + t] = FirstLane(LogSumExp(Set(top), Set(room.sums[h])));
    }
    std::memset(y, 0, static_cast<size_t>(heads * s.head_size) * sizeof(float));
    for_rows(head.values, visible, [&](int64_t h, int64_t j, const float* values, int64_t rows) {
      AddWeightedRows(room.scores + h * row_size + j, rows, values, s.kv_channels, s.head_size, y + h * s.head_size);
    });
    for (int64_t h = 0; h < heads; ++h) ScaleRow(y + h * s.head_size, s.head_size, 1.0f / room.sums[h]);
  }
}

// The first sequence whose positions or slot are outside a cache with `slots` slots, or −1.
int64_t Outside(const AttentionSizes& s, int64_t slots, const int32_t* start, const int32_t* slot) {
  for (int64_t b = 0; b < s.batch; ++b) {
    if (start[b] < 0 || start[b] > s.keys - s.queries || slot[b] < 0 || slot[b] >= slots) return b;
  }
  return -1;
}

InputError OutsideError(const AttentionSizes& s, int64_t slots, int64_t b, int32_t start, int32_t slot) {
  const int64_t last = s.keys - s.queries;
  if (start < 0 || start > last) return ValidateRange(kAttentionStart, InputError::kStart, b, start, 0, last);
  return ValidateRange(kAttentionSlot, InputError::kSlot, b, slot, 0, slots - 1);
}

}  // namespace

size_t ScratchAttention(const OpView& op, const Params& params, int threads) {
  const AttentionSizes size = SizesOf(op.inputs[0].shape, op.inputs[1].shape, params.as<AttentionParams>());
  return static_cast<size_t>(RoomSize(size)) * static_cast<size_t>(threads) * sizeof(float);
}

InputError RunAttention(const Call& call) {
  const AttentionParams& p = call.params->as<AttentionParams>();
  const AttentionSizes s = SizesOf(call.inputs[0].spec->shape, call.inputs[1].spec->shape, p);
  const int32_t* start = p.cached ? call.inputs[3].i32() : nullptr;
  const int32_t* slot = p.cached ? call.inputs[4].i32() : nullptr;
  if (p.cached) {
    const int64_t slots = call.inputs[1].spec->shape.dims[0], b = Outside(s, slots, start, slot);
    if (b >= 0) return OutsideError(s, slots, b, start[b], slot[b]);
  }
  constexpr uint32_t kNoRng[3] = {};
  const uint32_t* rng = p.dropout > 0 ? call.inputs[p.cached ? 5 : 3].u32() : kNoRng;
  const Attention a = {s,
                       call.inputs[0].f32(),
                       call.inputs[1].f32(),
                       call.inputs[2].f32(),
                       call.outputs[0].f32(),
                       call.outputs[1].f32(),
                       p.scale,
                       start,
                       slot,
                       p.dropout > 0,
                       RandomStream(rng, p.site),
                       DropoutRule(p.dropout)};
  const int64_t room_size = RoomSize(s);
  const auto room_of = [&](int worker) {
    return RoomAt(s, reinterpret_cast<float*>(call.scratch) + worker * room_size);
  };
  if (s.queries <= kFewQueries) {
    // A task computes one sequence, or a part of its heads if there are fewer sequences than
    // threads.
    const int64_t kv_heads = s.heads / s.group;
    const int64_t cuts = Smaller(kv_heads, DivideUp(call.pool->threads(), s.batch)), cut = DivideUp(kv_heads, cuts);
    ForTasks(call.pool, s.batch * cuts, 1, [&](int64_t task, int64_t, int worker) {
      const Room room = room_of(worker);
      TileFactors factors(a.random, a.rule, s.keys, room.factors);
      const int64_t first = task % cuts * cut, count = Smaller(cut, kv_heads - first);
      if (count > 0) AttendFew(a, task / cuts, first, count, room, factors);
    });
    return {};
  }
  const int64_t block = BlockQueries(s), blocks = DivideUp(s.queries, block);
  const int64_t together = s.keys <= kShortKeys
                               ? kShortHeads
                               : HeadsInTask(static_cast<double>(block) * static_cast<double>(s.keys), s.head_size);
  ForTasks(call.pool, s.batch * s.heads * blocks, together, [&](int64_t first, int64_t last, int worker) {
    const Room room = room_of(worker);
    TileFactors factors(a.random, a.rule, s.keys, room.factors);
    for (int64_t i = first; i < last; ++i) {
      const int64_t begin = i % blocks * block;
      const Head head = HeadOf(a, i / blocks);
      if (s.keys <= kShortKeys) {
        AttendShort(a, head, room, factors);
      } else {
        AttendBlock(a, head, begin, Smaller(s.queries, begin + block), room, factors);
      }
    }
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
