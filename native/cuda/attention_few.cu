// attention for few queries, as in generation. Most of its time is spent reading keys and values,
// so up to kManyRows rows share one read. The keys are split over many blocks and, within a block,
// over groups of lanes, each with its own running softmax. The partial results are then combined in
// a fixed order: those of a block by group, those of the blocks in the order of the keys.
#include "cuda/attention.cuh"

namespace nano::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int64_t kFewQueries = 4, kLargestHead = 128;
constexpr int64_t kLeastKeys = 64, kWantedBlocks = 512;  // keys per split; blocks in all

// A row is one query of one head. The rows of a sequence that share a key head are processed kRows
// at a time.
constexpr int kManyRows = 4;
int64_t RowsOf(const AttentionSizes& s) { return s.group * s.queries; }
int64_t TogetherOf(const AttentionSizes& s) { return RowsOf(s) == 1 ? 1 : kManyRows; }
int64_t BlocksOf(const AttentionSizes& s) { return s.batch * (s.heads / s.group) * DivideUp(RowsOf(s), TogetherOf(s)); }
int64_t SplitsOf(const AttentionSizes& s) {
  const int64_t most = DivideUp(s.keys, kLeastKeys), wanted = DivideUp(kWantedBlocks, BlocksOf(s));
  return most < wanted ? most : wanted;
}

// The partial results of a split, in scratch: head_size + 2 floats for each row, which are the sums
// of the channels, the total weight and the maximum score. Sums and total are relative to the
// maximum.
struct Split {
  float* sums;  // null if there is only one split
  int64_t count, keys;
};

// A group of kLanes lanes processes four keys at a time. A lane handles four channels of each:
// adjacent ones if kAligned, otherwise kLanes apart.
template <int kLanes, int kRows, bool kAligned>
__global__ void __launch_bounds__(kThreads)
    FewQueriesKernel(const Control* control, Attention<float> a, Split split, int64_t batches) {
  constexpr int kGroups = kThreads / kLanes, kChannels = 4 * kLanes, kKeys = 4;
  __shared__ float all_tops[kGroups][kRows], all_totals[kGroups][kRows], all_sums[kGroups][kRows][kChannels];
  if (Stopped(control)) return;
  const AttentionSizes& s = a.size;
  const int64_t kv_heads = s.heads / s.group, count = s.group * s.queries;
  const int64_t part = blockIdx.x % split.count, row = blockIdx.x / split.count % batches * kRows;
  const int64_t kv_head = blockIdx.x / split.count / batches % kv_heads,
                batch = blockIdx.x / split.count / batches / kv_heads;
  const int group = static_cast<int>(threadIdx.x) / kLanes, lane = static_cast<int>(threadIdx.x) % kLanes;
  const int64_t start = a.start != nullptr ? a.start[batch] : 0;
  const int64_t from = (a.slot != nullptr ? a.slot[batch] : batch) * s.keys * s.kv_channels + kv_head * s.head_size;
  const auto channel = [&](int c) { return kAligned ? lane * 4 + c : lane + kLanes * c; };
  const auto load = [&](const float* at, bool wanted) {
    float4 x = make_float4(0, 0, 0, 0);
    if (!wanted) return x;
    if constexpr (kAligned) {
      if (channel(0) < s.head_size) x = Four(at + channel(0));
    } else {
      if (channel(0) < s.head_size) x.x = at[channel(0)];
      if (channel(1) < s.head_size) x.y = at[channel(1)];
      if (channel(2) < s.head_size) x.z = at[channel(2)];
      if (channel(3) < s.head_size) x.w = at[channel(3)];
    }
    return x;
  };

  // For each row: its index (b·H + h)·T + t, and the number of keys that it attends to.
  int64_t index[kRows], seen[kRows], most = 0;
  float4 q[kRows], sums[kRows];
  float tops[kRows], totals[kRows];
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const int64_t mine = row + r < count ? row + r : count - 1;  // past the end: the last row again, not stored
    const int64_t head = kv_head * s.group + mine / s.queries, t = mine % s.queries;
    index[r] = (batch * s.heads + head) * s.queries + t;
    seen[r] = start + t + 1;
    most = Larger()(most, seen[r]);
    q[r] = load(a.q + (batch * s.queries + t) * s.channels + head * s.head_size, true);
    sums[r] = make_float4(0, 0, 0, 0);
    tops[r] = -INFINITY, totals[r] = 0;
  }
  const int64_t begin = part * split.keys, end = Smaller()(begin + split.keys, most);
  for (int64_t at = begin; at < end; at += kGroups * kKeys) {
    float4 k[kKeys], v[kKeys];
#pragma unroll
    for (int u = 0; u < kKeys; ++u) {
      const int64_t key = at + u * kGroups + group;
      k[u] = load(a.k + from + key * s.kv_channels, key < end);
      v[u] = load(a.v + from + key * s.kv_channels, key < end);
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      float scores[kKeys], top = tops[r];
#pragma unroll
      for (int u = 0; u < kKeys; ++u) {
        const int64_t key = at + u * kGroups + group;
        float score = AddProducts(q[r], k[u], 0.0f);
#pragma unroll
        for (int offset = kLanes / 2; offset > 0; offset /= 2) score += __shfl_xor_sync(~0u, score, offset);
        scores[u] = key < end && key < seen[r] ? score * a.binary_scale : -INFINITY;
        top = fmaxf(top, scores[u]);
      }
      const float shift = ShiftOf(top), by = exp2f(tops[r] - shift);
      tops[r] = top;
      totals[r] *= by;
      sums[r].x *= by, sums[r].y *= by, sums[r].z *= by, sums[r].w *= by;
#pragma unroll
      for (int u = 0; u < kKeys; ++u) {
        const int64_t key = at + u * kGroups + group;
        if (key >= end || key >= seen[r]) continue;  // 0 · v is NaN if v is not finite
        float weight = exp2f(scores[u] - shift);
        totals[r] += weight;
        if (a.dropout.rng != nullptr) {
          weight = a.dropout.Keeps(index[r] * static_cast<uint64_t>(s.keys) + key) ? weight * a.dropout.rule.scale : 0;
        }
        sums[r].x = fmaf(weight, v[u].x, sums[r].x);
        sums[r].y = fmaf(weight, v[u].y, sums[r].y);
        sums[r].z = fmaf(weight, v[u].z, sums[r].z);
        sums[r].w = fmaf(weight, v[u].w, sums[r].w);
      }
    }
  }

#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    if (lane == 0) all_tops[group][r] = tops[r], all_totals[group][r] = totals[r];
    all_sums[group][r][channel(0)] = sums[r].x;
    all_sums[group][r][channel(1)] = sums[r].y;
    all_sums[group][r][channel(2)] = sums[r].z;
    all_sums[group][r][channel(3)] = sums[r].w;
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kChannels; i += kThreads) {
    const int r = i / kChannels, c = i % kChannels;
    if (row + r >= count || c >= s.head_size) continue;
    float top = -INFINITY, total = 0, sum = 0;
    for (int g = 0; g < kGroups; ++g) top = fmaxf(top, all_tops[g][r]);
    const float shift = ShiftOf(top);
    for (int g = 0; g < kGroups; ++g) {
      const float by = exp2f(all_tops[g][r] - shift);
      total = fmaf(all_totals[g][r], by, total);
      sum = fmaf(all_sums[g][r][c], by, sum);
    }
    const int64_t head = kv_head * s.group + (row + r) / s.queries, t = (row + r) % s.queries;
    const int64_t number = (batch * s.heads + head) * s.queries + t;
    if (split.sums == nullptr) {
      a.y[(batch * s.queries + t) * s.channels + head * s.head_size + c] = sum / total;
      if (c == 0) a.lse[number] = LogSumExp(top, total);
    } else {
      float* to = split.sums + (number * split.count + part) * (s.head_size + 2);
      to[c] = sum;
      if (c == 0) to[s.head_size] = total, to[s.head_size + 1] = top;
    }
  }
}

// One block per row, one thread per channel.
__global__ void __launch_bounds__(kThreads) CombineKernel(const Control* control, Attention<float> a, Split split) {
  if (Stopped(control)) return;
  const AttentionSizes& s = a.size;
  const int64_t c = threadIdx.x, row = s.head_size + 2;
  if (c >= s.head_size) return;
  const float* from = split.sums + blockIdx.x * split.count * row;
  float top = -INFINITY, total = 0, sum = 0;
  for (int64_t i = 0; i < split.count; ++i) top = fmaxf(top, from[i * row + s.head_size + 1]);
  const float shift = ShiftOf(top);
  for (int64_t i = 0; i < split.count; ++i) {
    const float by = exp2f(from[i * row + s.head_size + 1] - shift);
    total = fmaf(from[i * row + s.head_size], by, total);
    sum = fmaf(from[i * row + c], by, sum);
  }
  const int64_t t = blockIdx.x % s.queries, head = blockIdx.x / s.queries % s.heads,
                batch = blockIdx.x / s.queries / s.heads;
  a.y[(batch * s.queries + t) * s.channels + head * s.head_size + c] = sum / total;
  if (c == 0) a.lse[blockIdx.x] = LogSumExp(top, total);
}

template <int kLanes, bool kAligned>
Outcome Attend(const Call& call, const Attention<float>& a, const Split& split, Message& message) {
  const int64_t batches = DivideUp(RowsOf(a.size), TogetherOf(a.size));
  const Grid grid = {BlocksOf(a.size) * split.count, kThreads};
  if (TogetherOf(a.size) == 1) {
    return Launch(call, message, grid, FewQueriesKernel<kLanes, 1, kAligned>, call.control, a, split, batches);
  }
  return Launch(call, message, grid, FewQueriesKernel<kLanes, kManyRows, kAligned>, call.control, a, split, batches);
}

}  // namespace

bool HasFewQueries(const AttentionSizes& s) { return s.queries <= kFewQueries && s.head_size <= kLargestHead; }

size_t ScratchFewQueries(const AttentionSizes& s) {
  const int64_t splits = HasFewQueries(s) ? SplitsOf(s) : 1;
  if (splits == 1) return 0;
  return static_cast<size_t>(s.batch * s.heads * s.queries * splits * (s.head_size + 2)) * sizeof(float);
}

Outcome AttendFewQueries(const Call& call, const Attention<float>& a, Message& message) {
  const AttentionSizes& s = a.size;
  const int64_t splits = SplitsOf(s);
  const Split split = {splits == 1 ? nullptr : static_cast<float*>(call.scratch), splits, DivideUp(s.keys, splits)};
  Outcome outcome;
  if (s.head_size % 4 != 0) {
    outcome = Attend<32, false>(call, a, split, message);
  } else if (s.head_size <= 32) {
    outcome = Attend<8, true>(call, a, split, message);
  } else if (s.head_size <= 64) {
    outcome = Attend<16, true>(call, a, split, message);
  } else {
    outcome = Attend<32, true>(call, a, split, message);
  }
  if (outcome != Outcome::kOk || splits == 1) return outcome;
  return Launch(call, message, {s.batch * s.heads * s.queries, kThreads}, CombineKernel, call.control, a, split);
}

}  // namespace nano::cuda
