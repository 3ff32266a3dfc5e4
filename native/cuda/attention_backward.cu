// attention_backward: recomputes the probabilities from lse, tile by tile. Blocks that own queries
// compute dq, and blocks that own keys compute dk and dv, so that one thread computes each sum in a
// fixed order. Both compute the scores and their gradients.
#include <algorithm>

#include "cuda/attention_backward.cuh"
#include "cuda/kernels.h"

namespace nano::cuda {
namespace {

constexpr int kDeltaThreads = 256;

// Computes Σ dy·y, with one warp per row: one query of one head.
template <class T>
__global__ void __launch_bounds__(kDeltaThreads) DeltaKernel(const Control* control, Backward<T> b) {
  if (Stopped(control)) return;
  const AttentionSizes& s = b.size;
  const int64_t row = (static_cast<int64_t>(blockIdx.x) * kDeltaThreads + threadIdx.x) / kWarp;
  if (row >= s.batch * s.queries * s.heads) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  float sum = 0;
  for (int64_t c = lane; c < s.head_size; c += kWarp) {
    sum = fmaf(ToFloat(b.dy[row * s.head_size + c]), ToFloat(b.y[row * s.head_size + c]), sum);
  }
  sum = WarpReduce(sum, Add());
  const int64_t head = row % s.heads, t = row / s.heads % s.queries, batch = row / s.heads / s.queries;
  if (lane == 0) b.deltas[(batch * s.heads + head) * s.queries + t] = sum;
}

template <class Tile, bool kOfKeys>
constexpr size_t SharedBytes() {
  constexpr int kTiles = 2 * Tile::kOwnSize + 2 * Tile::kStreamedSize + Tile::kWeightSize;
  return sizeof(float) * (kTiles + 2 * kQueries<Tile, kOfKeys>)+KeptOf<Tile, kOfKeys>::kBytes;
}

// Replaces the scores by the weights after dropout, and `slopes`, which holds the gradients of the
// weights, by the gradients of the scores. Both become 0 where a query doesn't attend to a key.
// `ahead` is the position of the first query minus that of the first key.
template <class Tile, class T, bool kOfKeys>
struct Softmax {
  const Backward<T>& b;
  const KeptOf<Tile, kOfKeys>& kept;
  const int ahead, columns;

  __device__ __forceinline__ void Turn(int i, int j, float lse, float delta, float& score, float& slope) const {
    const int row = Tile::Row(i), column = Tile::Column(j);
    if (kOfKeys ? row - ahead > column || column >= columns : column - ahead > row) {
      score = slope = 0;
      return;
    }
    const float p = exp2f(fmaf(score, b.binary_scale, -lse));
    float factor = 1;
    if (b.dropout.rng != nullptr) {
      factor = kept.At(kOfKeys ? column : row, kOfKeys ? row : column) ? b.dropout.rule.scale : 0.0f;
    }
    score = p * factor;
    slope = p * (slope * factor - delta) * b.scale;
  }
};

// A block owns 64 queries and iterates over the keys and values that they attend to, in tiles of
// 32. If kOfKeys, it owns 64 keys and values and iterates over the queries that attend to them, for
// each of the query heads that share the key head. A block handles one head, or a part of its
// channels. For bf16, __launch_bounds__ sets a minimum of one block per multiprocessor, because
// ptxas spills registers without it.
template <class Tile, class T, bool kOfKeys>
__global__ void __launch_bounds__(Tile::kThreads, sizeof(T) == 2 ? 1 : 0)
    BackwardKernel(const Control* control, Backward<T> b, HeadParts parts, int64_t blocks) {
  if (Stopped(control)) return;
  float* own_a = reinterpret_cast<float*>(dynamic_shared);  // keys, or queries
  float* own_b = own_a + Tile::kOwnSize;                    // values, or dy
  float* streamed_a = own_b + Tile::kOwnSize;               // queries, or keys
  float* streamed_b = streamed_a + Tile::kStreamedSize;     // dy, or values
  float* weights = streamed_b + Tile::kStreamedSize;
  float *lse = weights + Tile::kWeightSize, *deltas = lse + kQueries<Tile, kOfKeys>;
  auto* bits = reinterpret_cast<uint8_t*>(deltas + kQueries<Tile, kOfKeys>);

  // Blocks with the most tiles start first.
  const AttentionSizes& s = b.size;
  const int64_t heads = kOfKeys ? s.heads / s.group : s.heads;
  const int64_t part = blockIdx.x % parts.count, number = blockIdx.x / parts.count % (s.batch * heads);
  const int64_t block = blockIdx.x / parts.count / (s.batch * heads);
  const int64_t own = (kOfKeys ? block : blocks - 1 - block) * Tile::kOwn;
  const int64_t batch = number / heads, head = number % heads;
  const int rows = AtMost<Tile::kOwn>(s.queries - own), width = parts.Width<Tile>(part);
  const int64_t own_stride = kOfKeys ? s.kv_channels : s.channels, stride = kOfKeys ? s.channels : s.kv_channels;
  const int64_t at_own = (batch * s.queries + own) * own_stride + head * s.head_size;
  const int64_t at_part = part * Tile::kHead;
  const auto load_own = [&](int64_t channel, int count) {
    Tile::template Load<true>(own_a, (kOfKeys ? b.k : b.q) + at_own + channel, own_stride, rows, count, parts.aligned);
    Tile::template Load<true>(own_b, (kOfKeys ? b.v : b.dy) + at_own + channel, own_stride, rows, count, parts.aligned);
  };

  float sums_a[Tile::kRows][Tile::kChannels] = {}, sums_b[Tile::kRows][Tile::kChannels] = {};
  if constexpr (!kOfKeys) {
    LoadStatistics<Tile::kOwn, Tile::kThreads>(b, number * s.queries + own, rows, lse, deltas);
  }
  if (parts.count == 1) load_own(0, width);
  const int64_t begin = kOfKeys ? own : 0, end = kOfKeys ? s.queries : own + rows;
  for (int64_t h = 0; h < (kOfKeys ? s.group : 1); ++h) {
    const int64_t query_head = kOfKeys ? head * s.group + h : head, index = batch * s.heads + query_head;
    const int64_t met_head = kOfKeys ? query_head : head / s.group;
    for (int64_t met = begin; met < end; met += Tile::kStreamed) {
      const int columns = AtMost<Tile::kStreamed>(end - met);
      const int64_t at = (batch * s.queries + met) * stride + met_head * s.head_size;
      const auto load = [&](int64_t channel, int count) {
        Tile::template Load<false>(streamed_a, (kOfKeys ? b.q : b.k) + at + channel, stride, columns, count,
                                   parts.aligned);
        Tile::template Load<false>(streamed_b, (kOfKeys ? b.dy : b.v) + at + channel, stride, columns, count,
                                   parts.aligned);
      };
      const uint64_t element =
          (index * s.queries + (kOfKeys ? met : own)) * static_cast<uint64_t>(s.keys) + (kOfKeys ? own : met);
      const KeptOf<Tile, kOfKeys> kept = {bits, element, static_cast<uint64_t>(s.keys)};
      if (b.dropout.rng != nullptr) kept.Draw(b.dropout);
      if constexpr (kOfKeys) {
        LoadStatistics<Tile::kStreamed, Tile::kThreads>(b, index * s.queries + met, columns, lse, deltas);
      }
      float scores[Tile::kRows][Tile::kColumns] = {}, slopes[Tile::kRows][Tile::kColumns] = {};
      for (int64_t c = 0; c < parts.count; ++c) {
        if (c > 0) __syncthreads();
        if (parts.count > 1) load_own(c * Tile::kHead, parts.Width<Tile>(c));
        load(c * Tile::kHead, parts.Width<Tile>(c));
        __syncthreads();
        Tile::Multiply(own_a, streamed_a, parts.Width<Tile>(c), scores);
        Tile::Multiply(own_b, streamed_b, parts.Width<Tile>(c), slopes);
      }
      if (part + 1 < parts.count) {
        __syncthreads();
        load(at_part, width);
        __syncthreads();
      }

      const Softmax<Tile, T, kOfKeys> softmax = {
          b, kept, kOfKeys ? AtMost<Tile::kOwn>(met - own) : AtMost<Tile::kStreamed>(own - met), columns};
#pragma unroll
      for (int i = 0; i < Tile::kRows; ++i) {
#pragma unroll
        for (int j = 0; j < Tile::kColumns; ++j) {
          const int query = kOfKeys ? Tile::Column(j) : Tile::Row(i);
          softmax.Turn(i, j, lse[query], deltas[query], scores[i][j], slopes[i][j]);
        }
      }
      if constexpr (kOfKeys) {
        Tile::StoreWeights(scores, weights);
        Tile::Accumulate(weights, streamed_b, columns, sums_b);
      }
      Tile::StoreWeights(slopes, weights);
      Tile::Accumulate(weights, streamed_a, columns, sums_a);
      __syncthreads();  // the next tile overwrites this one
    }
  }
  Tile::Store(sums_a, (kOfKeys ? b.dk : b.dq) + at_own + at_part, own_stride, rows, width);
  if constexpr (kOfKeys) Tile::Store(sums_b, b.dv + at_own + at_part, own_stride, rows, width);
}

template <class Tile, bool kOfKeys, class T>
Outcome Differentiate(const Call& call, const Backward<T>& b, Message& message) {
  const AttentionSizes& s = b.size;
  const HeadParts parts = HeadParts::Of<Tile>(s);
  const int64_t blocks = DivideUp(s.queries, Tile::kOwn), heads = kOfKeys ? s.heads / s.group : s.heads;
  return Launch(call, message, {blocks * s.batch * heads * parts.count, Tile::kThreads, SharedBytes<Tile, kOfKeys>()},
                BackwardKernel<Tile, T, kOfKeys>, call.control, b, parts, blocks);
}

template <class Tile, class T>
Outcome DifferentiateBoth(const Call& call, const Backward<T>& b, Message& message) {
  const Outcome outcome = Differentiate<Tile, true>(call, b, message);
  return outcome == Outcome::kOk ? Differentiate<Tile, false>(call, b, message) : outcome;
}

Outcome Differentiate(const Call& call, const Backward<float>& b, Message& message) {
  constexpr size_t kWideBytes = std::max(SharedBytes<Tile<128>, true>(), SharedBytes<Tile<128>, false>());
  return WithTile(call, b.size, kWideBytes, message,
                  [&]<class Tile>(Tile) { return DifferentiateBoth<Tile>(call, b, message); });
}

Outcome Differentiate(const Call& call, const Backward<__nv_bfloat16>& b, Message& message) {
  bool tensor_cores;
  const Outcome outcome = HasTensorCores(call, b.size, tensor_cores, message);
  if (outcome != Outcome::kOk) return outcome;
  return tensor_cores ? DifferentiateBf16(call, b, message) : DifferentiateBoth<WideningTile>(call, b, message);
}

template <class T>
Outcome Run(const Call& call, Message& message) {
  const AttentionParams& p = call.params->as<AttentionParams>();
  const AttentionSizes s = SizesOf(InputShape(call, 0), InputShape(call, 1), p);
  const Backward<T> b = {s,
                         Input<const T>(call, 0),
                         Input<const T>(call, 1),
                         Input<const T>(call, 2),
                         Input<const T>(call, 3),
                         Input<const T>(call, 5),
                         Output<T>(call, 0),
                         Output<T>(call, 1),
                         Output<T>(call, 2),
                         Input<const float>(call, 4),
                         static_cast<float*>(call.scratch),
                         p.scale,
                         BinaryScale(p.scale),
                         DropoutOf(call, p, 6)};
  const int64_t rows = s.batch * s.heads * s.queries;
  const Outcome outcome =
      Launch(call, message, {DivideUp(rows, kDeltaThreads / kWarp), kDeltaThreads}, DeltaKernel<T>, call.control, b);
  return outcome == Outcome::kOk ? Differentiate(call, b, message) : outcome;
}

}  // namespace

size_t ScratchAttentionBackward(const OpView& op, const Params&) {
  return static_cast<size_t>(op.inputs[4].shape.elements()) * sizeof(float);
}

Outcome RunAttentionBackward(const Call& call, Message& message) {
  return call.inputs[0].spec->dtype == Dtype::kBf16 ? Run<__nv_bfloat16>(call, message) : Run<float>(call, message);
}

}  // namespace nano::cuda
