// attention_backward: recomputes the probabilities from lse, tile by tile. Threadgroups that own
// queries compute dq, and those that own keys compute dk and dv, so that one simdgroup computes
// each sum in a fixed order. Both compute the scores and their gradients.
#include "metal/attention.h"

#if defined(__METAL_VERSION__)

constant constexpr float kLog2E = 1.44269504f;

// Σ dy·y of each query, [B, H, T]. One simdgroup per query and head.
kernel void attention_deltas(device const Control& control [[buffer(0)]], constant AttentionArguments& a [[buffer(1)]],
                             device float* deltas [[buffer(2)]], device const float* y [[buffer(3)]],
                             device const float* dy [[buffer(4)]], uint group [[threadgroup_position_in_grid]],
                             uint simdgroups [[simdgroups_per_threadgroup]],
                             uint simdgroup [[simdgroup_index_in_threadgroup]],
                             uint lane [[thread_index_in_simdgroup]]) {
  const uint row = group * simdgroups + simdgroup;
  if (Stopped(control) || row >= a.batch * a.queries * a.heads) return;
  const FloatsIn ys = FloatsIn(y, 1u).From(row * kHeadSize), dys = FloatsIn(dy, 2u).From(row * kHeadSize);
  float sum = 0;
  for (uint c = kQuad * lane; c < kHeadSize; c += kQuad * kSimd) {
    sum += dot(LoadQuad(dys, c, kHeadSize), LoadQuad(ys, c, kHeadSize));
  }
  sum = simd_sum(sum);
  const uint head = row % a.heads, t = row / a.heads % a.queries, batch = row / a.heads / a.queries;
  if (lane == 0) deltas[(batch * a.heads + head) * a.queries + t] = sum;
}

// A threadgroup either owns queries and loops over tiles of the keys and values that they attend
// to, or owns keys and values of one head (or a part of its channels) and loops over the queries
// that attend to them, for each query head that shares the key head. The owned rows are a (keys or
// queries) and b (values or dy). The streamed rows are the opposite: a (queries or keys) and b (dy
// or values).
template <uint kHead, bool kOfKeys>
kernel void backward(device const Control& control [[buffer(0)]], constant AttentionArguments& a [[buffer(1)]],
                     device float* da [[buffer(2)]], device float* db [[buffer(3)]],
                     device const float* q [[buffer(4)]], device const float* k [[buffer(5)]],
                     device const float* v [[buffer(6)]], device const float* dy [[buffer(7)]],
                     device const float* lse [[buffer(8)]], device const float* deltas [[buffer(9)]],
                     device const uint* rng [[buffer(10)]], uint3 group [[threadgroup_position_in_grid]],
                     uint3 groups [[threadgroups_per_grid]], uint lane [[thread_index_in_simdgroup]],
                     uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  typedef Tile<kHead, 1, 8> T;
  constexpr uint kTileQueries = kOfKeys ? T::kStreamed : T::kOwn, kTileKeys = kOfKeys ? T::kOwn : T::kStreamed;
  typedef KeptWeights<kTileQueries, kTileKeys> Kept;
  threadgroup float4 met_a[T::kStreamedQuads];
  threadgroup float4 met_b[T::kStreamedQuads];
  threadgroup float4 scratch[T::kScratchQuads];
  threadgroup float2 statistics[kTileQueries];  // of the softmax: lse in base 2, and Σ dy·y
  threadgroup uchar bits[Kept::kSize];
  if (Stopped(control)) return;
  const Threads at = {lane, simdgroup, T::kSimdgroups};
  const T tile(at, scratch);

  // Threadgroups with the most tiles come first.
  const uint heads = kOfKeys ? a.heads / a.group : a.heads;
  const uint part = group.x % T::Parts(), number = group.x / T::Parts(), batch = number / heads, head = number % heads;
  const uint own = (kOfKeys ? group.y : groups.y - 1 - group.y) * T::kOwn;
  const uint rows = min(T::kOwn, a.queries - own), width = T::Width(part);
  const uint own_stride = kOfKeys ? a.kv_channels : a.channels, stride = kOfKeys ? a.channels : a.kv_channels;
  const uint at_own = (batch * a.queries + own) * own_stride + head * kHeadSize;
  const FloatsIn queries(q, 2u), keys(k, 3u), values(v, 4u), dys(dy, 5u);
  const FloatsIn own_a = (kOfKeys ? keys : queries).From(at_own), own_b = (kOfKeys ? values : dys).From(at_own);

  typename T::Channels a_rows, b_rows, a_sums, b_sums;
  a_sums.Clear(), b_sums.Clear();
  if (T::Parts() == 1) {
    tile.LoadOwn(a_rows, own_a, own_stride, rows, kHeadSize);
    tile.LoadOwn(b_rows, own_b, own_stride, rows, kHeadSize);
  }
  const uint begin = kOfKeys ? own : 0, end = kOfKeys ? a.queries : own + rows;
  for (uint h = 0; h < (kOfKeys ? a.group : 1); ++h) {
    const uint query_head = kOfKeys ? head * a.group + h : head, met_head = kOfKeys ? query_head : head / a.group;
    const uint first_query = (batch * a.heads + query_head) * a.queries;  // of the head
    for (uint met = begin; met < end; met += T::kStreamed) {
      const uint columns = min(T::kStreamed, end - met);
      const uint query = kOfKeys ? met : own, key = kOfKeys ? own : met;  // the tile's first ones
      // False if every pair of an owned row of the simdgroup and a streamed row is masked.
      const bool busy = tile.first_row < rows &&
                        (kOfKeys ? own + tile.first_row < met + columns : met < own + tile.first_row + T::kRows);
      const uint at_met = (batch * a.queries + met) * stride + met_head * kHeadSize;
      const FloatsIn a_from = (kOfKeys ? queries : keys).From(at_met), b_from = (kOfKeys ? dys : values).From(at_met);
      const Kept kept(bits, (first_query + query) * ulong(a.keys) + key, a.keys);
      if (kHasDropout != 0) kept.Draw(rng, a, tile.thread_index, T::kThreads);
      if (kOfKeys || met == 0) {
        for (uint i = tile.thread_index; i < kTileQueries; i += T::kThreads) {
          const uint one = first_query + query + i;
          statistics[i] = query + i < a.queries ? float2(lse[one] * kLog2E, deltas[one]) : float2(0);
        }
      }
      typename T::Scores products, slope_products;
      products.Clear(), slope_products.Clear();
      for (uint c = 0; c < T::Parts(); ++c) {
        const uint channel = c * T::Across();
        if (c > 0) threadgroup_barrier(mem_flags::mem_threadgroup);
        tile.Load(met_a, a_from.From(channel), stride, columns, T::Width(c));
        tile.Load(met_b, b_from.From(channel), stride, columns, T::Width(c));
        if (T::Parts() > 1) {
          tile.LoadOwn(a_rows, own_a.From(channel), own_stride, rows, T::Width(c));
          tile.LoadOwn(b_rows, own_b.From(channel), own_stride, rows, T::Width(c));
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
        if (busy) tile.Multiply(a_rows, met_a, products);
        if (busy) tile.Multiply(b_rows, met_b, slope_products);
      }
      if (part + 1 < T::Parts()) {
        threadgroup_barrier(mem_flags::mem_threadgroup);
        tile.Load(met_a, a_from.From(part * T::Across()), stride, columns, width);
        tile.Load(met_b, b_from.From(part * T::Across()), stride, columns, width);
        threadgroup_barrier(mem_flags::mem_threadgroup);
      }

      // Turns `scores` into the weights after dropout, and `slopes`, the gradients of the weights,
      // into the gradients of the scores. Both are 0 where a query doesn't attend to a key. (A query
      // past the last one is all zeros, and its product with a non-finite key would be a NaN.)
      float scores[T::kColumns], slopes[T::kColumns];
      tile.Exchange(products, busy, scores);
      tile.Exchange(slope_products, busy, slopes);
      if (busy) {
#pragma unroll
        for (uint i = 0; i < T::kColumns; ++i) {
          const uint row = tile.Row(), column = tile.Column(i);
          const uint tile_query = kOfKeys ? column : row, tile_key = kOfKeys ? row : column;
          const float2 of = statistics[tile_query];
          float factor = 1.0f;
          if (kHasDropout != 0) factor = kept.At(tile_query, tile_key) ? a.kept_scale : 0.0f;
          const bool visible = key + tile_key <= query + tile_query && query + tile_query < a.queries;
          const float p = visible ? exp2(fma(scores[i], a.binary_scale, -of.x)) : 0.0f;
          scores[i] = visible ? p * factor : 0.0f;
          slopes[i] = visible ? p * (slopes[i] * factor - of.y) * a.scale : 0.0f;
        }
        if (kOfKeys) tile.Accumulate(scores, met_b, b_sums);
        tile.Accumulate(slopes, met_a, a_sums);
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);  // the next tile overwrites this one
    }
  }
  const uint to = at_own + part * T::Across();
  tile.Store(a_sums, FloatsOut(da, 0u).From(to), own_stride, rows, width, 1.0f);
  if (kOfKeys) tile.Store(b_sums, FloatsOut(db, 1u).From(to), own_stride, rows, width, 1.0f);
}

template [[host_name("backward_of_keys_32")]] kernel decltype(backward<32, true>) backward<32, true>;
template [[host_name("backward_of_keys_64")]] kernel decltype(backward<64, true>) backward<64, true>;
template [[host_name("backward_of_keys_96")]] kernel decltype(backward<96, true>) backward<96, true>;
template [[host_name("backward_of_keys_128")]] kernel decltype(backward<128, true>) backward<128, true>;
template [[host_name("backward_of_queries_32")]] kernel decltype(backward<32, false>) backward<32, false>;
template [[host_name("backward_of_queries_64")]] kernel decltype(backward<64, false>) backward<64, false>;
template [[host_name("backward_of_queries_96")]] kernel decltype(backward<96, false>) backward<96, false>;
template [[host_name("backward_of_queries_128")]] kernel decltype(backward<128, false>) backward<128, false>;

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {
namespace {

constexpr const char* kOfKeys[] = {"backward_of_keys_32", "backward_of_keys_64", "backward_of_keys_96",
                                   "backward_of_keys_128"};
constexpr const char* kOfQueries[] = {"backward_of_queries_32", "backward_of_queries_64", "backward_of_queries_96",
                                      "backward_of_queries_128"};
constexpr int kThreads = 256;

}  // namespace

size_t ScratchAttentionBackward(const OpView& op, const Params&) {
  return static_cast<size_t>(op.inputs[4].shape.elements()) * sizeof(float);
}

Outcome RunAttentionBackward(const Call& call, Message& message) {
  const AttentionParams& p = call.params->as<AttentionParams>();
  const AttentionArguments a = ArgumentsOf(InputShape(call, 0), InputShape(call, 1), p);
  const gpu::Tensor &q = call.inputs[0], &k = call.inputs[1], &v = call.inputs[2], &y = call.inputs[3],
                    &lse = call.inputs[4], &dy = call.inputs[5];
  const gpu::Tensor &dq = call.outputs[0], &dk = call.outputs[1], &dv = call.outputs[2];
  const Operand none = dq.data, rng = p.dropout > 0 ? Operand(call.inputs[6]) : none;  // none: unused
  const Operand deltas = call.scratch;
  const uint32_t head_size = HeadSizeOf(a);
  const Constants constants = {head_size, p.dropout > 0};
  const int64_t all_rows = int64_t{a.batch} * a.heads * a.queries;
  Outcome outcome = Launch(call, message, {DivideUp(all_rows, kThreads / 32), kThreads},
                           {"attention_backward", "attention_deltas"}, constants, a, {deltas, y, dy});
  if (outcome != Outcome::kOk) return outcome;

  const TileChoice of_keys = ChooseTile(head_size, kOfKeys), of_queries = ChooseTile(head_size, kOfQueries);
  const int64_t parts = PartsOf(head_size, of_keys), blocks = DivideUp(a.queries, of_keys.head <= 64 ? 64 : 32);
  outcome = Launch(call, message, {int64_t{a.batch} * (a.heads / a.group) * parts, kThreads, blocks, 1, FlopsOf(a, 4)},
                   {"attention_backward", of_keys.name}, constants, a, {dk, dv, q, k, v, dy, lse, deltas, rng});
  if (outcome != Outcome::kOk) return outcome;
  return Launch(call, message, {int64_t{a.batch} * a.heads * parts, kThreads, blocks, 1, FlopsOf(a, 3)},
                {"attention_backward", of_queries.name}, constants, a, {dq, none, q, k, v, dy, lse, deltas, rng});
}

}  // namespace nano::metal
#endif
