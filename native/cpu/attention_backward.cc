// attention_backward: recomputes the probabilities from lse, tile by tile. A task computes one head
// of keys with all query heads that share it, or several small ones, so that each sum is computed
// by one thread in a fixed order.
#include <cstring>

#include "cpu/attention.h"
#include "cpu/kernels.h"

namespace nano::cpu::NANO_ISA {
namespace {

constexpr int64_t kTileQueries = 90, kTileKeys = 128;

struct Backward {
  AttentionSizes size;
  const float *q, *k, *v, *y, *lse, *dy;
  float *dq, *dk, *dv;
  float scale;
  bool dropout;
  RandomStream random;
  DropoutRule rule;
};

// A worker's scratch in floats: packed operands, the tile of probabilities and the tile of their
// gradients.
struct Room {
  float *keys, *values, *keys_across, *queries, *dy, *probabilities, *gradients, *factors;
};

NANO_INLINE int64_t TileKeys(const AttentionSizes& s) { return Smaller(kTileKeys, s.keys); }
NANO_INLINE int64_t TileQueries(const AttentionSizes& s) { return Smaller(kTileQueries, s.queries); }
NANO_INLINE int64_t TileRow(const AttentionSizes& s) { return RoundUp(TileKeys(s), kTileColumns); }
NANO_INLINE int64_t TileSize(const AttentionSizes& s) {
  return s.keys <= kShortKeys ? RoundUp(s.queries, 8) * kShortKeys : TileQueries(s) * TileRow(s);
}
NANO_INLINE int64_t PackedKeys(const AttentionSizes& s) { return RoundUp(PackedSize(s.head_size, TileKeys(s)), 16); }
NANO_INLINE int64_t PackedKeysAcross(const AttentionSizes& s) {
  return RoundUp(PackedSize(TileKeys(s), s.head_size), 16);
}
NANO_INLINE int64_t PackedQueries(const AttentionSizes& s) {
  return RoundUp(PackedSize(TileQueries(s), s.head_size), 16);
}

NANO_INLINE int64_t RoomSize(const AttentionSizes& s) {
  return 2 * PackedKeys(s) + PackedKeysAcross(s) + 2 * PackedQueries(s) + 2 * TileSize(s) +
         RoundUp(TileFactors::Size(TileQueries(s), TileKeys(s)), 16);
}

NANO_INLINE Room RoomAt(const AttentionSizes& s, float* at) {
  Room room;
  room.keys = at;
  room.values = room.keys + PackedKeys(s);
  room.keys_across = room.values + PackedKeys(s);
  room.queries = room.keys_across + PackedKeysAcross(s);
  room.dy = room.queries + PackedQueries(s);
  room.probabilities = room.dy + PackedQueries(s);
  room.gradients = room.probabilities + TileSize(s);
  room.factors = room.gradients + TileSize(s);
  return room;
}

// The start of one head's rows in each tensor. `add`: an earlier query head has already written the
// gradients of these keys.
struct Head {
  int64_t number;
  bool add;
  const float *q, *k, *v, *y, *dy, *lse;
  float *dq, *dk, *dv;
};

NANO_INLINE Head HeadOf(const Backward& b, int64_t number) {
  const AttentionSizes& s = b.size;
  const int64_t batch = number / s.heads, head = number % s.heads;
  const int64_t at = batch * s.queries * s.channels + head * s.head_size;
  const int64_t from = batch * s.keys * s.kv_channels + head / s.group * s.head_size;
  return {number,    head % s.group > 0,         b.q + at,  b.k + from,  b.v + from, b.y + at,
          b.dy + at, b.lse + number * s.queries, b.dq + at, b.dk + from, b.dv + from};
}

NANO_INLINE float Dot(const float* a, const float* b, int64_t n) {
  F8 sum = Set(0);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) sum = MulAdd(Load(a + i), Load(b + i), sum);
  if (i < n) sum = MulAdd(LoadSome(a + i, n - i), LoadSome(b + i, n - i), sum);
  return Sum(sum);
}

// Processes one row of a tile: replaces scores with probabilities after dropout, and their
// gradients dA with the gradients of the scores, P·(dropout(dA) − Σ dy·y)·scale.
NANO_INLINE void RowBackward(float* scores, float* gradients, int64_t count, float scale, float lse, float delta,
                             const float* factors) {
  const F8 scale8 = Set(scale), lse8 = Set(lse), delta8 = Set(delta);
  const auto vector = [&](int64_t i, int64_t lanes) {
    const F8 p = Exp(LoadLanes(scores + i, lanes) * scale8 - lse8);
    F8 dropped = p, gradient = LoadLanes(gradients + i, lanes);
    if (factors != nullptr) {
      const F8 factor = LoadLanes(factors + i, lanes);
      dropped = p * factor;
      gradient = gradient * factor;
    }
    StoreLanes(scores + i, lanes, dropped);
    StoreLanes(gradients + i, lanes, p * (gradient - delta8) * scale8);
  };
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) vector(i, 8);
  if (i < count) vector(i, count - i);
}

void SoftmaxBackward(const Backward& b, const Head& head, const ScoreTile& tile, const Room& room,
                     TileFactors& factors) {
  const int64_t row_size = TileRow(b.size), channels = b.size.channels;
  if (b.dropout) factors.Start(head.number, tile, b.size.queries);
  for (int64_t r = 0; r < tile.rows; ++r) {
    const int64_t t = tile.query + r, visible = Larger(0, Smaller(tile.columns, t + 1 - tile.key));
    float *scores = room.probabilities + r * row_size, *gradients = room.gradients + r * row_size;
    const size_t hidden = static_cast<size_t>(tile.columns - visible) * sizeof(float);
    std::memset(scores + visible, 0, hidden);
    std::memset(gradients + visible, 0, hidden);
    if (visible == 0) continue;
    const float delta = Dot(head.y + t * channels, head.dy + t * channels, b.size.head_size);
    RowBackward(scores, gradients, visible, b.scale, head.lse[t], delta, b.dropout ? factors.Row(r, visible) : nullptr);
  }
}

// Adds the contribution of one tile to dq, dk and dv.
void TileBackward(const Backward& b, const Head& head, const ScoreTile& tile, int64_t loaded, const Room& room,
                  TileFactors& factors) {
  const int64_t row = b.size.channels, key_row = b.size.kv_channels, n = b.size.head_size, tile_row = TileRow(b.size);
  const int64_t at = tile.query * row, key_at = tile.key * key_row, limit = tile.query + 1 - tile.key;
  FetchRows(head.y + at, row, tile.rows, n);
  if (tile.key == 0) FetchRows(head.dq + at, row, tile.rows, n);
  Pack({head.q + at, row, 1}, tile.rows, n, room.queries);
  Pack({head.dy + at, row, 1}, tile.rows, n, room.dy);
  MultiplyPacked(tile.rows, tile.columns, n, {head.q + at, row, 1}, room.keys, room.probabilities, tile_row, false,
                 {.column_limit = limit});
  MultiplyPacked(tile.rows, tile.columns, n, {head.dy + at, row, 1}, room.values, room.gradients, tile_row, false,
                 {.column_limit = limit});
  SoftmaxBackward(b, head, tile, room, factors);
  MultiplyPacked(tile.rows, n, loaded, {room.gradients, tile_row, 1}, room.keys_across, head.dq + at, row, tile.key > 0,
                 {.used = tile.columns, .last_limit = limit});
  const Terms seen = {.first_limit = limit - 1};  // queries before i − limit + 1 don't attend to key i
  const bool later = tile.query > tile.key, add = later || head.add;
  const int64_t keys = later ? tile.columns : loaded;
  MultiplyPacked(keys, n, tile.rows, {room.gradients, 1, tile_row}, room.queries, head.dk + key_at, key_row, add, seen);
  MultiplyPacked(keys, n, tile.rows, {room.probabilities, 1, tile_row}, room.dy, head.dv + key_at, key_row, add, seen);
}

void HeadBackward(const Backward& b, const Head& head, const Room& room, TileFactors& factors) {
  const AttentionSizes& s = b.size;
  for (int64_t key = 0; key < s.keys; key += kTileKeys) {
    const int64_t loaded = Smaller(kTileKeys, s.keys - key), at = key * s.kv_channels;
    FetchRows(head.dk + at, s.kv_channels, loaded, s.head_size);
    FetchRows(head.dv + at, s.kv_channels, loaded, s.head_size);
    Pack({head.k + at, 1, s.kv_channels}, s.head_size, loaded, room.keys);
    Pack({head.v + at, 1, s.kv_channels}, s.head_size, loaded, room.values);
    Pack({head.k + at, s.kv_channels, 1}, loaded, s.head_size, room.keys_across);
    for (int64_t t = key; t < s.queries; t += kTileQueries) {  // earlier queries attend to none of these keys
      const int64_t rows = Smaller(kTileQueries, s.queries - t);
      if (key == 0) {
        FetchNextHead(s, s.channels, head.number, s.queries, t, rows, {head.q, head.dy});
        if ((head.number + 1) % s.group == 0) {
          FetchNextHead(s, s.kv_channels, head.number / s.group, s.keys, t, rows, {head.k, head.v});
        }
      }
      TileBackward(b, head, {t, rows, key, Smaller(loaded, t + rows - key)}, loaded, room, factors);
    }
  }
}

// Computes dk and dv of keys [j, j + kKeys) of a short head, from the queries from j on.
template <int kKeys>
NANO_INLINE void ShortKeys(const Backward& b, const Head& head, int64_t j, const Room& room) {
  const AttentionSizes& s = b.size;
  for (int64_t d = 0; d < s.head_size; d += 8) {
    const int64_t lanes = Smaller(8, s.head_size - d);
    float *to_dk = head.dk + j * s.kv_channels + d, *to_dv = head.dv + j * s.kv_channels + d;
    F8 dk[kKeys], dv[kKeys];
    for (int i = 0; i < kKeys; ++i) {
      dk[i] = head.add ? LoadLanes(to_dk + i * s.kv_channels, lanes) : Set(0);
      dv[i] = head.add ? LoadLanes(to_dv + i * s.kv_channels, lanes) : Set(0);
    }
    for (int64_t t = j; t < s.queries; ++t) {
      const F8 q = LoadLanes(head.q + t * s.channels + d, lanes), dy = LoadLanes(head.dy + t * s.channels + d, lanes);
      const int64_t at = (t / 8 * kShortKeys + j) * 8 + t % 8;
      for (int i = 0; i < kKeys; ++i) {
        dk[i] = MulAdd(Set(room.gradients[at + 8 * i]), q, dk[i]);
        dv[i] = MulAdd(Set(room.probabilities[at + 8 * i]), dy, dv[i]);
      }
    }
    for (int i = 0; i < kKeys; ++i) {
      StoreLanes(to_dk + i * s.kv_channels, lanes, dk[i]);
      StoreLanes(to_dv + i * s.kv_channels, lanes, dv[i]);
    }
  }
}

// Computes a whole head with few keys, eight queries at a time: first the probabilities after
// dropout and the gradients of the scores, which are 0 for keys that a query doesn't attend to,
// then dq, dk and dv.
void ShortBackward(const Backward& b, const Head& head, const Room& room, TileFactors& factors) {
  const AttentionSizes& s = b.size;
  if (b.dropout) factors.Start(head.number, {0, s.queries, 0, s.keys}, s.queries);
  const F8 scale = Set(b.scale);
  float dropped[8 * kShortKeys];
  for (int64_t t = 0; t < s.queries; t += 8) {
    const int64_t rows = Smaller(8, s.queries - t), seen = t + rows, at = t * s.channels;
    float *probabilities = room.probabilities + t * kShortKeys, *gradients = room.gradients + t * kShortKeys;
    Columns(head.q + at, s.channels, rows, s.head_size, room.keys);
    TimesColumns(head.k, s.kv_channels, seen, s.head_size, room.keys, probabilities);
    Columns(head.dy + at, s.channels, rows, s.head_size, room.values);
    TimesColumns(head.v, s.kv_channels, seen, s.head_size, room.values, gradients);
    Columns(head.y + at, s.channels, rows, s.head_size, room.keys);
    F8 delta = Set(0);
    for (int64_t d = 0; d < 8 * s.head_size; d += 8) delta = MulAdd(Load(room.keys + d), Load(room.values + d), delta);
    const F8 lse = LoadLanes(head.lse + t, rows);
    if (b.dropout) Columns(factors.Row(t, s.keys), s.keys, rows, seen, dropped);
    for (int64_t j = 0; j < seen; ++j) {
      const F8 blind = LaneMask(Blind(t, j)), p = Exp(Load(probabilities + 8 * j) * scale - lse);
      F8 weight = p, slope = Load(gradients + 8 * j);
      if (b.dropout) {
        const F8 factor = Load(dropped + 8 * j);
        weight = p * factor;
        slope = slope * factor;
      }
      Store(probabilities + 8 * j, AndNot(blind, weight));
      Store(gradients + 8 * j, AndNot(blind, p * (slope - delta) * scale));
    }
    WeightedRows(gradients, seen, head.k, s.kv_channels, s.head_size, Set(1), rows, head.dq + at, s.channels);
  }
  int64_t j = 0;
  for (; j + 4 <= s.keys; j += 4) ShortKeys<4>(b, head, j, room);
  for (; j < s.keys; ++j) ShortKeys<1>(b, head, j, room);
}

}  // namespace

size_t ScratchAttentionBackward(const OpView& op, const Params& params, int threads) {
  const AttentionSizes size = SizesOf(op.inputs[0].shape, op.inputs[1].shape, params.as<AttentionParams>());
  return static_cast<size_t>(RoomSize(size)) * static_cast<size_t>(threads) * sizeof(float);
}

InputError RunAttentionBackward(const Call& call) {
  const AttentionParams& p = call.params->as<AttentionParams>();
  const AttentionSizes s = SizesOf(call.inputs[0].spec->shape, call.inputs[1].spec->shape, p);
  constexpr uint32_t kNoRng[3] = {};
  const auto& in = call.inputs;
  const Backward b = {s,
                      in[0].f32(),
                      in[1].f32(),
                      in[2].f32(),
                      in[3].f32(),
                      in[4].f32(),
                      in[5].f32(),
                      call.outputs[0].f32(),
                      call.outputs[1].f32(),
                      call.outputs[2].f32(),
                      p.scale,
                      p.dropout > 0,
                      RandomStream(p.dropout > 0 ? in[6].u32() : kNoRng, p.site),
                      DropoutRule(p.dropout)};
  const int64_t room_size = RoomSize(s);
  const double pairs = 2.5 * static_cast<double>(s.queries) * static_cast<double>(s.keys);
  const int64_t together = s.keys <= kShortKeys ? DivideUp(kShortHeads, s.group)
                                                : HeadsInTask(pairs * static_cast<double>(s.group), s.head_size);
  ForTasks(call.pool, s.batch * s.heads / s.group, together, [&](int64_t begin, int64_t end, int worker) {
    const Room room = RoomAt(s, reinterpret_cast<float*>(call.scratch) + worker * room_size);
    TileFactors factors(b.random, b.rule, s.keys, room.factors);
    for (int64_t i = begin * s.group; i < end * s.group; ++i) {
      if (s.keys <= kShortKeys) {
        ShortBackward(b, HeadOf(b, i), room, factors);
      } else {
        HeadBackward(b, HeadOf(b, i), room, factors);
      }
    }
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
