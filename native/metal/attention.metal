// attention: a softmax over tiles of scores, with a running maximum and sum for each query (Dao et
// al., 2022), so that only one tile is held at a time.
#include "metal/attention.h"
#include "metal/validate.h"

struct PlacesArguments {
  uint32_t op, n;
  int32_t last_start, last_slot;
};

#if defined(__METAL_VERSION__)

// ---- Validates the starts and slots of a cache. The error of a sequence is its start, if the
// sequence would leave the cache, or else its slot.
struct ValidatePlaces {
  device const int *start, *slot;
  long last_start, last_slot;

  InputError operator()(uint i) const {
    const InputError error = ValidateRange(kAttentionStart, InputError::kStart, i, start[i], 0, last_start);
    if (error.kind != InputError::kNone) return error;
    return ValidateRange(kAttentionSlot, InputError::kSlot, i, slot[i], 0, last_slot);
  }
};

[[max_total_threads_per_threadgroup(1024)]] kernel void examine_places(
    device Control& control [[buffer(0)]], constant PlacesArguments& a [[buffer(1)]],
    device const int* start [[buffer(2)]], device const int* slot [[buffer(3)]],
    uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
    uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint room[kSimd];
  const ValidatePlaces validate = {start, slot, a.last_start, a.last_slot};
  ValidateEach(control, a.op, a.n, validate, room, Threads{lane, simdgroup, simdgroups});
}

// ---- Tiles.
template <uint kHead>
struct ForwardTile {
  typedef Tile<kHead, 2, (kHead <= 64 ? 4 : 8)> Type;  // 64 queries
};

// The value that a row's exponentials are relative to changes only when a score exceeds it by more
// than this (a power of 2). A float has enough range for that, so the sums need not be rescaled for
// each tile.
constant constexpr float kSlack = 8.0f;

// A threadgroup computes 64 queries of one head, or of a part of its channels, and loops over tiles
// of keys and values. The last queries attend to the most keys, so their threadgroups come first.
template <uint kHead>
kernel void attention(device const Control& control [[buffer(0)]], constant AttentionArguments& a [[buffer(1)]],
                      device float* y [[buffer(2)]], device float* lse [[buffer(3)]],
                      device const float* q [[buffer(4)]], device const float* k [[buffer(5)]],
                      device const float* v [[buffer(6)]], device const int* start [[buffer(7)]],
                      device const int* slot [[buffer(8)]], device const uint* rng [[buffer(9)]],
                      uint3 group [[threadgroup_position_in_grid]], uint3 groups [[threadgroups_per_grid]],
                      uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  typedef typename ForwardTile<kHead>::Type T;
  typedef KeptWeights<T::kOwn, T::kStreamed> Kept;
  threadgroup float4 k_tile[T::kStreamedQuads];
  threadgroup float4 v_tile[T::kStreamedQuads];
  threadgroup float4 scratch[T::kScratchQuads];
  threadgroup uchar bits[Kept::kSize];
  if (Stopped(control)) return;
  const Threads at = {lane, simdgroup, T::kSimdgroups};
  const T tile(at, scratch);
  const uint part = group.x % T::Parts(), number = group.x / T::Parts();
  const uint query = (groups.y - 1 - group.y) * T::kOwn, rows = min(T::kOwn, a.queries - query);
  const uint batch = number / a.heads, head = number % a.heads;
  const uint begin = kIsCached != 0 ? uint(start[batch]) : 0u, seen = begin + query + rows;  // by any of the queries
  const uint source = kIsCached != 0 ? uint(slot[batch]) : batch;
  const uint own = (batch * a.queries + query) * a.channels + head * kHeadSize;
  const uint from = source * a.keys * a.kv_channels + head / a.group * kHeadSize;
  const FloatsIn queries = FloatsIn(q, 2u).From(own);
  const FloatsIn keys = FloatsIn(k, 3u).From(from), values = FloatsIn(v, 4u).From(from);

  typename T::Channels q_rows, sums;
  float shift = kLowest, total = 0.0f;
  sums.Clear();
  if (T::Parts() == 1) tile.LoadOwn(q_rows, queries, a.channels, rows, kHeadSize);
  for (uint key = 0; key < seen; key += T::kStreamed) {
    const uint columns = min(T::kStreamed, seen - key);
    // Whether any of the simdgroup's queries attends to any of these keys.
    const bool busy = tile.first_row < rows && key < begin + query + tile.first_row + T::kRows;
    const FloatsIn tile_keys = keys.From(key * a.kv_channels), tile_values = values.From(key * a.kv_channels);
    tile.Load(v_tile, tile_values.From(part * T::Across()), a.kv_channels, columns, T::Width(part));
    const Kept kept(bits, (number * ulong(a.queries) + query) * a.keys + key, a.keys);
    if (kHasDropout != 0) kept.Draw(rng, a, tile.thread_index, T::kThreads);
    typename T::Scores products;
    products.Clear();
    for (uint c = 0; c < T::Parts(); ++c) {
      const uint channel = c * T::Across();
      if (c > 0) threadgroup_barrier(mem_flags::mem_threadgroup);
      tile.Load(k_tile, tile_keys.From(channel), a.kv_channels, columns, T::Width(c));
      if (T::Parts() > 1) tile.LoadOwn(q_rows, queries.From(channel), a.channels, rows, T::Width(c));
      threadgroup_barrier(mem_flags::mem_threadgroup);
      if (busy) tile.Multiply(q_rows, k_tile, products);
    }
    float scores[T::kColumns];
    tile.Exchange(products, busy, scores);
    if (busy) {
      const uint last = begin + query + tile.Row();  // last key that the row attends to
      float top = shift;
#pragma unroll
      for (uint i = 0; i < T::kColumns; ++i) {
        scores[i] *= a.binary_scale;
        if (key + tile.Column(i) <= last) top = fmax(top, scores[i]);
      }
      top = T::Max(top);
      if (simd_any(top > shift + kSlack)) {
        const float by = exp2(shift - top);
        shift = top;
        total *= by;
        if (key > 0) tile.Scale(sums, by);
      }
#pragma unroll
      for (uint i = 0; i < T::kColumns; ++i) {
        float weight = key + tile.Column(i) <= last ? exp2(scores[i] - shift) : 0.0f;
        total += weight;  // this lane's share
        if (kHasDropout != 0) weight = kept.At(tile.Row(), tile.Column(i)) ? weight * a.kept_scale : 0.0f;
        scores[i] = weight;
      }
      tile.Accumulate(scores, v_tile, sums);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);  // the next tile overwrites this one
  }

  total = T::Sum(total);
  tile.Store(sums, FloatsOut(y, 0u).From(own + part * T::Across()), a.channels, rows, T::Width(part), 1.0f / total);
  if (part == 0 && tile.split == 0 && tile.ColumnGroup() == 0 && tile.Row() < rows) {
    lse[number * a.queries + query + tile.Row()] = LogSumExp(shift, total);
  }
}

template [[host_name("attention_32")]] kernel decltype(attention<32>) attention<32>;
template [[host_name("attention_64")]] kernel decltype(attention<64>) attention<64>;
template [[host_name("attention_96")]] kernel decltype(attention<96>) attention<96>;
template [[host_name("attention_128")]] kernel decltype(attention<128>) attention<128>;

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {
namespace {

constexpr const char* kNames[] = {"attention_32", "attention_64", "attention_96", "attention_128"};
constexpr int64_t kQueries = 64;  // per threadgroup

Outcome ExaminePlaces(const Call& call, const AttentionArguments& a, Message& message) {
  const PlacesArguments arguments = {call.op, a.batch, static_cast<int32_t>(a.keys - a.queries),
                                     static_cast<int32_t>(InputShape(call, 1).dims[0] - 1)};
  return Launch(call, message, kExamineGrid, {"attention", "examine_places"}, {}, arguments,
                {call.inputs[3], call.inputs[4]});
}

}  // namespace

size_t ScratchAttention(const OpView& op, const Params& params) {
  return ScratchFewQueries(ArgumentsOf(op.inputs[0].shape, op.inputs[1].shape, params.as<AttentionParams>()));
}

Outcome RunAttention(const Call& call, Message& message) {
  const AttentionParams& p = call.params->as<AttentionParams>();
  const AttentionArguments a = ArgumentsOf(InputShape(call, 0), InputShape(call, 1), p);
  if (p.cached) {
    const Outcome outcome = ExaminePlaces(call, a, message);
    if (outcome != Outcome::kOk) return outcome;
  }
  const uint32_t head_size = HeadSizeOf(a);
  const Constants constants = {head_size, p.dropout > 0, p.cached};
  const Operand none = call.inputs[0].data;  // unused, but Metal requires a buffer
  const Operands operands = {call.outputs[0],
                             call.outputs[1],
                             call.inputs[0],
                             call.inputs[1],
                             call.inputs[2],
                             p.cached ? call.inputs[3] : none,
                             p.cached ? call.inputs[4] : none,
                             p.dropout > 0 ? call.inputs[p.cached ? 5 : 3] : none,
                             call.scratch == nullptr ? none : Operand(call.scratch)};
  if (HasFewQueries(a)) return AttendFewQueries(call, a, constants, operands, message);
  const TileChoice tile = ChooseTile(head_size, kNames);
  const Grid grid = {int64_t{a.batch} * a.heads * PartsOf(head_size, tile), tile.head <= 64 ? 128 : 256,
                     DivideUp(a.queries, kQueries), 1, FlopsOf(a, 2)};
  return Launch(call, message, grid, {"attention", tile.name}, constants, a, operands);
}

}  // namespace nano::metal
#endif
