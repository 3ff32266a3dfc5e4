// attention for few queries, as in generation. Most of its time is spent reading keys and values.
// The keys are split over many threadgroups and, within a threadgroup, over teams of lanes, each
// with its own running softmax. The partial results are then combined in a fixed order: those of a
// threadgroup by team, those of the splits in the order of the keys.
#include "metal/attention.h"

// The state of a row: the largest score, and sums relative to it. In scratch, the state of each
// split is head_size + 2 floats: the sum of each channel, the total, and the maximum.
struct FewArguments {
  AttentionArguments attention;
  uint32_t splits, split_keys;  // splits == 1: no scratch
};

#if defined(__METAL_VERSION__)

constant constexpr uint kThreads = 128;

// The rows (one query of one head each) of a sequence that share a key head are processed kRows at
// a time. A team of kLanes lanes takes four keys at a time, and each lane four channels of each.
template <uint kLanes, uint kRows>
kernel void few_queries(device const Control& control [[buffer(0)]], constant FewArguments& arguments [[buffer(1)]],
                        device float* y [[buffer(2)]], device float* lse [[buffer(3)]],
                        device const float* q [[buffer(4)]], device const float* k [[buffer(5)]],
                        device const float* v [[buffer(6)]], device const int* start [[buffer(7)]],
                        device const int* slot [[buffer(8)]], device const uint* rng [[buffer(9)]],
                        device float* scratch [[buffer(10)]], uint3 group [[threadgroup_position_in_grid]],
                        uint thread_index [[thread_index_in_threadgroup]]) {
  constexpr uint kTeams = kThreads / kLanes, kChannels = kQuad * kLanes, kKeys = 4;
  threadgroup float all_tops[kTeams][kRows];
  threadgroup float all_totals[kTeams][kRows];
  threadgroup float all_sums[kTeams][kRows][kChannels];
  if (Stopped(control)) return;
  constant AttentionArguments& a = arguments.attention;
  const uint kv_heads = a.heads / a.group, count = a.group * a.queries;
  const uint part = group.x, row = group.y * kRows, kv_head = group.z % kv_heads, batch = group.z / kv_heads;
  const uint team = thread_index / kLanes, lane = thread_index % kLanes, channel = lane * kQuad;
  const uint begin = kIsCached != 0 ? uint(start[batch]) : 0u;
  const uint from = (kIsCached != 0 ? uint(slot[batch]) : batch) * a.keys * a.kv_channels + kv_head * kHeadSize;
  const FloatsIn queries(q, 2u), keys = FloatsIn(k, 3u).From(from), values = FloatsIn(v, 4u).From(from);

  // For each row, its index (b·H + h)·T + t and the number of keys that it attends to.
  uint index[kRows], seen[kRows], most = 0;
  float4 query[kRows], sums[kRows];
  float tops[kRows], totals[kRows];
#pragma unroll
  for (uint r = 0; r < kRows; ++r) {
    const uint mine = min(row + r, count - 1);  // past the end: the last row again, not stored
    const uint head = kv_head * a.group + mine / a.queries, t = mine % a.queries;
    index[r] = (batch * a.heads + head) * a.queries + t;
    seen[r] = begin + t + 1;
    most = max(most, seen[r]);
    query[r] = LoadQuad(queries.From((batch * a.queries + t) * a.channels + head * kHeadSize), channel, kHeadSize);
    sums[r] = float4(0);
    tops[r] = kLowest, totals[r] = 0;
  }
  const uint first = part * arguments.split_keys, end = min(first + arguments.split_keys, most);
  for (uint at = first; at < end; at += kTeams * kKeys) {
    float4 key_quads[kKeys], value_quads[kKeys];
#pragma unroll
    for (uint u = 0; u < kKeys; ++u) {
      const uint key = at + u * kTeams + team;
      key_quads[u] = value_quads[u] = float4(0);
      if (key >= end) continue;
      key_quads[u] = LoadQuad(keys.From(key * a.kv_channels), channel, kHeadSize);
      value_quads[u] = LoadQuad(values.From(key * a.kv_channels), channel, kHeadSize);
    }
#pragma unroll
    for (uint r = 0; r < kRows; ++r) {
      const uint stop = min(end, seen[r]);
      float scores[kKeys], top = tops[r];
#pragma unroll
      for (uint u = 0; u < kKeys; ++u) {
        float score = dot(query[r], key_quads[u]);
        for (ushort offset = kLanes / 2; offset > 0; offset /= 2) score += simd_shuffle_xor(score, offset);
        scores[u] = score * a.binary_scale;
        if (at + u * kTeams + team < stop) top = fmax(top, scores[u]);
      }
      const float by = exp2(tops[r] - top);
      tops[r] = top;
      totals[r] *= by;
      sums[r] *= by;
#pragma unroll
      for (uint u = 0; u < kKeys; ++u) {
        const uint key = at + u * kTeams + team;
        if (key >= stop) continue;  // 0 times a value that is not finite would be a NaN
        float weight = exp2(scores[u] - top);
        totals[r] += weight;
        if (kHasDropout != 0) {
          const bool kept = WeightDropout(rng, a).Keeps(index[r] * ulong(a.keys) + key);
          weight = kept ? weight * a.kept_scale : 0.0f;
        }
        sums[r] += weight * value_quads[u];
      }
    }
  }

#pragma unroll
  for (uint r = 0; r < kRows; ++r) {
    if (lane == 0) all_tops[team][r] = tops[r], all_totals[team][r] = totals[r];
#pragma unroll
    for (uint c = 0; c < kQuad; ++c) all_sums[team][r][channel + c] = sums[r][c];
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint i = thread_index; i < kRows * kChannels; i += kThreads) {
    const uint r = i / kChannels, c = i % kChannels;
    if (row + r >= count || c >= kHeadSize) continue;
    float top = kLowest, total = 0, sum = 0;
    for (uint g = 0; g < kTeams; ++g) top = fmax(top, all_tops[g][r]);
    for (uint g = 0; g < kTeams; ++g) {
      const float by = exp2(all_tops[g][r] - top);
      total = fma(all_totals[g][r], by, total);
      sum = fma(all_sums[g][r][c], by, sum);
    }
    const uint head = kv_head * a.group + (row + r) / a.queries, t = (row + r) % a.queries;
    const uint number = (batch * a.heads + head) * a.queries + t;
    if (arguments.splits == 1) {
      FloatsOut(y, 0u).Set((batch * a.queries + t) * a.channels + head * kHeadSize + c, sum / total);
      if (c == 0) lse[number] = LogSumExp(top, total);
    } else {
      device float* to = scratch + (number * arguments.splits + part) * (kHeadSize + 2);
      to[c] = sum;
      if (c == 0) to[kHeadSize] = total, to[kHeadSize + 1] = top;
    }
  }
}

template [[host_name("few_queries_8_1")]] kernel decltype(few_queries<8, 1>) few_queries<8, 1>;
template [[host_name("few_queries_8_4")]] kernel decltype(few_queries<8, 4>) few_queries<8, 4>;
template [[host_name("few_queries_16_1")]] kernel decltype(few_queries<16, 1>) few_queries<16, 1>;
template [[host_name("few_queries_16_4")]] kernel decltype(few_queries<16, 4>) few_queries<16, 4>;
template [[host_name("few_queries_32_1")]] kernel decltype(few_queries<32, 1>) few_queries<32, 1>;
template [[host_name("few_queries_32_4")]] kernel decltype(few_queries<32, 4>) few_queries<32, 4>;

// One threadgroup per row, one thread per channel.
kernel void combine_splits(device const Control& control [[buffer(0)]], constant FewArguments& arguments [[buffer(1)]],
                           device float* y [[buffer(2)]], device float* lse [[buffer(3)]],
                           device const float* scratch [[buffer(10)]], uint number [[threadgroup_position_in_grid]],
                           uint c [[thread_index_in_threadgroup]]) {
  if (Stopped(control) || c >= kHeadSize) return;
  constant AttentionArguments& a = arguments.attention;
  const uint size = kHeadSize + 2;
  device const float* from = scratch + number * arguments.splits * size;
  float top = kLowest, total = 0, sum = 0;
  for (uint i = 0; i < arguments.splits; ++i) top = fmax(top, from[i * size + kHeadSize + 1]);
  for (uint i = 0; i < arguments.splits; ++i) {
    const float by = exp2(from[i * size + kHeadSize + 1] - top);
    total = fma(from[i * size + kHeadSize], by, total);
    sum = fma(from[i * size + c], by, sum);
  }
  const uint t = number % a.queries, head = number / a.queries % a.heads, batch = number / a.queries / a.heads;
  FloatsOut(y, 0u).Set((batch * a.queries + t) * a.channels + head * kHeadSize + c, sum / total);
  if (c == 0) lse[number] = LogSumExp(top, total);
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {
namespace {

constexpr int kThreads = 128;
constexpr int64_t kFewQueries = 4, kLargestHead = 128, kManyRows = 4;
constexpr int64_t kLeastKeys = 64, kWantedGroups = 256;  // least per split; in all

struct Plan {
  int64_t together, batches, sequences;  // rows at a time; batches of rows; sequences × key heads
  int64_t splits;

  explicit Plan(const AttentionArguments& a) {
    const int64_t rows = int64_t{a.group} * a.queries;
    together = rows == 1 ? 1 : kManyRows;
    batches = DivideUp(rows, together);
    sequences = int64_t{a.batch} * (a.heads / a.group);
    const int64_t most = DivideUp(a.keys, kLeastKeys), wanted = DivideUp(kWantedGroups, sequences * batches);
    splits = most < wanted ? most : wanted;
  }
};

}  // namespace

bool HasFewQueries(const AttentionArguments& a) { return a.queries <= kFewQueries && HeadSizeOf(a) <= kLargestHead; }

size_t ScratchFewQueries(const AttentionArguments& a) {
  const int64_t splits = HasFewQueries(a) ? Plan(a).splits : 1;
  if (splits == 1) return 0;
  return size_t{a.batch} * a.heads * a.queries * static_cast<size_t>(splits) * (HeadSizeOf(a) + 2) * sizeof(float);
}

Outcome AttendFewQueries(const Call& call, const AttentionArguments& a, Constants constants, Operands operands,
                         Message& message) {
  const Plan plan(a);
  const auto splits = static_cast<uint32_t>(plan.splits);
  const FewArguments arguments = {a, splits, static_cast<uint32_t>(DivideUp(a.keys, plan.splits))};
  const bool one = plan.together == 1;
  const uint32_t head_size = HeadSizeOf(a);
  const char* const name = head_size <= 32   ? (one ? "few_queries_8_1" : "few_queries_8_4")
                           : head_size <= 64 ? (one ? "few_queries_16_1" : "few_queries_16_4")
                                             : (one ? "few_queries_32_1" : "few_queries_32_4");
  const Grid grid = {plan.splits, kThreads, plan.batches, plan.sequences, FlopsOf(a, 2)};
  const Outcome outcome = Launch(call, message, grid, {"attention_few", name}, constants, arguments, operands);
  if (outcome != Outcome::kOk || splits == 1) return outcome;
  return Launch(call, message, {int64_t{a.batch} * a.heads * a.queries, kThreads}, {"attention_few", "combine_splits"},
                constants, arguments, operands);
}

}  // namespace nano::metal
#endif
