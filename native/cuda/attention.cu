// attention: the softmax is computed tile by tile, with a running maximum and sum for each query
// (FlashAttention, Dao et al., 2022), so that only one tile of scores is held at a time.
#include "cuda/attention.cuh"
#include "cuda/kernels.h"
#include "ops/validate.h"

namespace nano::cuda {
namespace {

// ---- Checks of the starts and slots of a KV cache.
constexpr int kCheckThreads = 256;

// Reports the first sequence whose start or slot is out of range. If both are, it reports the
// start.
__global__ void __launch_bounds__(kCheckThreads)
    CheckPlaces(Control* control, uint32_t op, const int32_t* start, const int32_t* slot, int64_t n, int64_t last_start,
                int64_t last_slot) {
  constexpr int64_t kNone = INT64_MAX;
  __shared__ int64_t room[kCheckThreads / kWarp];
  if (Stopped(control)) return;
  int64_t first = kNone;
  for (int64_t i = threadIdx.x; i < n && first == kNone; i += kCheckThreads) {
    if (start[i] < 0 || start[i] > last_start || slot[i] < 0 || slot[i] > last_slot) first = i;
  }
  first = BlockReduce<kCheckThreads>(first, room, Smaller());
  if (threadIdx.x != 0 || first == kNone) return;
  const bool bad_start = start[first] < 0 || start[first] > last_start;
  Complain(control, op,
           bad_start ? ValidateRange(kAttentionStart, InputError::kStart, first, start[first], 0, last_start)
                     : ValidateRange(kAttentionSlot, InputError::kSlot, first, slot[first], 0, last_slot));
}

// ---- Tiles.
template <class Tile>
using Kept = KeptWeights<Tile::kOwn, Tile::kStreamed, Tile::kThreads>;

template <class Tile>
constexpr size_t SharedBytes() {
  return sizeof(float) * (Tile::kOwnSize + 2 * Tile::kStreamedSize + Tile::kWeightSize) + Kept<Tile>::kBytes;
}

// A block computes 64 queries of one head, or of a part of its channels, and iterates over keys and
// values in tiles of 32. Blocks of the last queries, which attend to the most keys, start first.
template <class Tile, class T>
__global__ void __launch_bounds__(Tile::kThreads)
    AttentionKernel(const Control* control, Attention<T> a, HeadParts parts, int64_t blocks) {
  if (Stopped(control)) return;
  float* q = reinterpret_cast<float*>(dynamic_shared);
  float *k = q + Tile::kOwnSize, *v = k + Tile::kStreamedSize, *weights = v + Tile::kStreamedSize;
  auto* bits = reinterpret_cast<uint8_t*>(weights + Tile::kWeightSize);
  const AttentionSizes& s = a.size;
  const int64_t part = blockIdx.x % parts.count, number = blockIdx.x / parts.count % (s.batch * s.heads);
  const int64_t query = (blocks - 1 - blockIdx.x / parts.count / (s.batch * s.heads)) * Tile::kOwn;
  const int64_t batch = number / s.heads, head = number % s.heads;
  const int rows = AtMost<Tile::kOwn>(s.queries - query);
  const int64_t start = a.start != nullptr ? a.start[batch] : 0;
  const int64_t at = (batch * s.queries + query) * s.channels + head * s.head_size, own = part * Tile::kHead;
  const int64_t from =
      (a.slot != nullptr ? a.slot[batch] : batch) * s.keys * s.kv_channels + head / s.group * s.head_size;
  const int64_t seen = start + query + rows;  // keys that at least one of the queries attends to
  const bool drop = a.dropout.rng != nullptr;

  float sums[Tile::kRows][Tile::kChannels] = {}, tops[Tile::kRows], totals[Tile::kRows];
#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) tops[i] = -INFINITY, totals[i] = 0;
  if (parts.count == 1) Tile::template Load<true>(q, a.q + at, s.channels, rows, parts.size, parts.aligned);
  for (int64_t key = 0; key < seen; key += Tile::kStreamed) {
    const int columns = AtMost<Tile::kStreamed>(seen - key);
    const T *keys = a.k + from + key * s.kv_channels, *values = a.v + from + key * s.kv_channels;
    Tile::template Load<false>(v, values + own, s.kv_channels, columns, parts.Width<Tile>(part), parts.aligned);
    const uint64_t element = (number * s.queries + query) * static_cast<uint64_t>(s.keys) + key;
    const Kept<Tile> kept = {bits, element, static_cast<uint64_t>(s.keys)};
    if (drop) kept.Draw(a.dropout);
    float scores[Tile::kRows][Tile::kColumns] = {};
    for (int64_t c = 0; c < parts.count; ++c) {
      const int64_t channel = c * Tile::kHead;
      const int width = parts.Width<Tile>(c);
      if (c > 0) __syncthreads();
      if (parts.count > 1) {
        Tile::template Load<true>(q, a.q + at + channel, s.channels, rows, width, parts.aligned);
      }
      Tile::template Load<false>(k, keys + channel, s.kv_channels, columns, width, parts.aligned);
      __syncthreads();
      Tile::Multiply(q, k, width, scores);
    }

    const int ahead = AtMost<Tile::kStreamed>(start + query - key);
#pragma unroll
    for (int i = 0; i < Tile::kRows; ++i) {
      const int last = Tile::Row(i) + ahead;  // the last column that the row attends to
      float top = tops[i];
#pragma unroll
      for (int j = 0; j < Tile::kColumns; ++j) {
        scores[i][j] = Tile::Column(j) <= last ? scores[i][j] * a.binary_scale : -INFINITY;
        top = fmaxf(top, scores[i][j]);
      }
      top = Tile::Reduce(top, Larger());
      const float shift = ShiftOf(top), by = exp2f(tops[i] - shift);
      tops[i] = top;
      totals[i] *= by;
#pragma unroll
      for (int c = 0; c < Tile::kChannels; ++c) sums[i][c] *= by;
#pragma unroll
      for (int j = 0; j < Tile::kColumns; ++j) {
        scores[i][j] = exp2f(scores[i][j] - shift);
        totals[i] += scores[i][j];  // this lane's partial sum
        if (drop) scores[i][j] = kept.At(Tile::Row(i), Tile::Column(j)) ? scores[i][j] * a.dropout.rule.scale : 0.0f;
      }
    }
    Tile::StoreWeights(scores, weights);
    Tile::Accumulate(weights, v, columns, sums);
    __syncthreads();  // the next tile overwrites this one
  }

#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) {
    const float total = Tile::Reduce(totals[i], Add()), inverse = 1.0f / total;
#pragma unroll
    for (int c = 0; c < Tile::kChannels; ++c) sums[i][c] *= inverse;
    if (part == 0 && Tile::ColumnGroup() == 0 && Tile::Row(i) < rows) {
      a.lse[number * s.queries + query + Tile::Row(i)] = LogSumExp(tops[i], total);
    }
  }
  Tile::Store(sums, a.y + at + own, s.channels, rows, parts.Width<Tile>(part));
}

template <class Tile, class T>
Outcome Attend(const Call& call, const Attention<T>& a, Message& message) {
  const HeadParts parts = HeadParts::Of<Tile>(a.size);
  const int64_t blocks = DivideUp(a.size.queries, Tile::kOwn);
  return Launch(call, message,
                {blocks * a.size.batch * a.size.heads * parts.count, Tile::kThreads, SharedBytes<Tile>()},
                AttentionKernel<Tile, T>, call.control, a, parts, blocks);
}

template <class T>
Attention<T> AttentionOf(const Call& call, const AttentionParams& p) {
  return {SizesOf(InputShape(call, 0), InputShape(call, 1), p),
          Input<const T>(call, 0),
          Input<const T>(call, 1),
          Input<const T>(call, 2),
          Output<T>(call, 0),
          Output<float>(call, 1),
          p.cached ? Input<const int32_t>(call, 3) : nullptr,
          p.cached ? Input<const int32_t>(call, 4) : nullptr,
          BinaryScale(p.scale),
          DropoutOf(call, p, p.cached ? 5 : 3)};
}

Outcome RunBf16(const Call& call, const AttentionParams& p, Message& message) {
  const Attention<__nv_bfloat16> a = AttentionOf<__nv_bfloat16>(call, p);
  bool tensor_cores;
  const Outcome outcome = HasTensorCores(call, a.size, tensor_cores, message);
  if (outcome != Outcome::kOk) return outcome;
  return tensor_cores ? AttendBf16(call, a, message) : Attend<WideningTile>(call, a, message);
}

}  // namespace

size_t ScratchAttention(const OpView& op, const Params& params) {
  if (op.inputs[0].dtype != Dtype::kF32) return 0;
  return ScratchFewQueries(SizesOf(op.inputs[0].shape, op.inputs[1].shape, params.as<AttentionParams>()));
}

Outcome RunAttention(const Call& call, Message& message) {
  const AttentionParams& p = call.params->as<AttentionParams>();
  if (call.inputs[0].spec->dtype == Dtype::kBf16) return RunBf16(call, p, message);
  const Attention<float> a = AttentionOf<float>(call, p);
  const AttentionSizes& s = a.size;
  if (p.cached) {
    const Outcome outcome = Launch(call, message, {1, kCheckThreads}, CheckPlaces, call.control, call.op, a.start,
                                   a.slot, s.batch, s.keys - s.queries, InputShape(call, 1).dims[0] - 1);
    if (outcome != Outcome::kOk) return outcome;
  }
  if (HasFewQueries(s)) return AttendFewQueries(call, a, message);
  return WithTile(call, s, SharedBytes<Tile<128>>(), message,
                  [&]<class Tile>(Tile) { return Attend<Tile>(call, a, message); });
}

}  // namespace nano::cuda
