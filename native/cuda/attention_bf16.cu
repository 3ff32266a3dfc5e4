// attention for bf16 on tensor cores, with the algorithm of attention.cu.
#include "cuda/attention_tensor.cuh"

namespace nano::cuda {
namespace {

template <class Tile>
using Kept = KeptWeights<Tile::kOwn, Tile::kStreamed, Tile::kThreads>;

// A stage holds a tile of keys, one of values and, with dropout, the mask.
template <class Tile>
size_t StageBytes(bool drop) {
  return 2 * Tile::kStreamedSize * sizeof(__nv_bfloat16) + (drop ? Kept<Tile>::kBytes : 0);
}

// The running softmax over tiles of keys. It does as little work per score as possible: tensor
// cores are so fast that it takes as long as the products.
template <class Tile>
struct Softmax {
  float tops[Tile::kRows];    // the largest unscaled score so far
  float totals[Tile::kRows];  // this lane's sum of exponentials relative to it

  __device__ __forceinline__ void Begin() {
#pragma unroll
    for (int i = 0; i < Tile::kRows; ++i) tops[i] = -INFINITY, totals[i] = 0;
  }

  // Replaces the scores of the next tile by weights, and rescales the sums to the new maximum.
  // Query r of the block attends to columns 0 to r + `ahead`.
  __device__ __forceinline__ void Meet(float scale, int ahead, float (&scores)[Tile::kRows][Tile::kColumns],
                                       float (&sums)[Tile::kRows][Tile::kChannels]) {
    if (Tile::FirstRow() + ahead < Tile::kStreamed - 1) {
#pragma unroll
      for (int i = 0; i < Tile::kRows; ++i) {
#pragma unroll
        for (int j = 0; j < Tile::kColumns; ++j) {
          if (Tile::Column(j) > Tile::Row(i) + ahead) scores[i][j] = -INFINITY;
        }
      }
    }
#pragma unroll
    for (int i = 0; i < Tile::kRows; ++i) {
      float top = tops[i];
#pragma unroll
      for (int j = 0; j < Tile::kColumns; ++j) top = fmaxf(top, scores[i][j]);
      top = Tile::Reduce(top, Larger());
      const float shift = ShiftOf(top) * scale, by = ptx::exp2_approx(fmaf(tops[i], scale, -shift));
      tops[i] = top;
      totals[i] *= by;
#pragma unroll
      for (int c = 0; c < Tile::kChannels; ++c) sums[i][c] *= by;
#pragma unroll
      for (int j = 0; j < Tile::kColumns; ++j) {
        scores[i][j] = ptx::exp2_approx(fmaf(scores[i][j], scale, -shift));
        totals[i] += scores[i][j];
      }
    }
  }

  // Divides the sums by the totals and multiplies them by `factor`. Stores lse for the first `rows`
  // queries.
  __device__ __forceinline__ void End(float scale, float factor, float (&sums)[Tile::kRows][Tile::kChannels],
                                      float* lse, int rows) const {
#pragma unroll
    for (int i = 0; i < Tile::kRows; ++i) {
      const float total = Tile::Reduce(totals[i], Add()), by = factor / total;
#pragma unroll
      for (int c = 0; c < Tile::kChannels; ++c) sums[i][c] *= by;
      if (Tile::ColumnGroup() == 0 && Tile::Row(i) < rows) lse[Tile::Row(i)] = LogSumExp(tops[i] * scale, total);
    }
  }
};

// A block computes kOwn queries of one head and iterates over tiles of keys and values. The next
// tile is loaded while the current one is multiplied. Blocks of the last queries, which attend to
// the most keys, start first.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads)
    AttentionBf16Kernel(const Control* control, Attention<__nv_bfloat16> a, int64_t blocks, int stage_bytes,
                        bool aligned) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800  // HasTensorCores rejects older GPUs
  using T = __nv_bfloat16;
  if (Stopped(control)) return;
  const AttentionSizes& s = a.size;
  const int64_t number = blockIdx.x % (s.batch * s.heads), batch = number / s.heads, head = number % s.heads;
  const int64_t query = (blocks - 1 - blockIdx.x / (s.batch * s.heads)) * Tile::kOwn;
  const int64_t at = (batch * s.queries + query) * s.channels + head * s.head_size;
  const int64_t from = batch * s.keys * s.kv_channels + head / s.group * s.head_size;
  const int rows = AtMost<Tile::kOwn>(s.queries - query), width = static_cast<int>(s.head_size);
  const int64_t seen = query + rows;  // keys that at least one of the queries attends to
  const auto keys_of = [&](int64_t key) {
    return reinterpret_cast<T*>(dynamic_shared + Tile::kOwnSize * sizeof(T) + key / Tile::kStreamed % 2 * stage_bytes);
  };
  const auto kept_of = [&](int64_t key) {
    const uint64_t element = (number * s.queries + query) * static_cast<uint64_t>(s.keys) + key;
    return Kept<Tile>{reinterpret_cast<uint8_t*>(keys_of(key) + 2 * Tile::kStreamedSize), element,
                      static_cast<uint64_t>(s.keys)};
  };
  const auto load = [&](int64_t key) {
    if (key < seen) {
      const int columns = AtMost<Tile::kStreamed>(seen - key);
      const int64_t first = from + key * s.kv_channels;
      T* const k = keys_of(key);
      Tile::template Load<Tile::kStreamed>(k, a.k + first, s.kv_channels, columns, width, aligned);
      Tile::template Load<Tile::kStreamed>(k + Tile::kStreamedSize, a.v + first, s.kv_channels, columns, width,
                                           aligned);
      if (a.dropout.rng != nullptr) kept_of(key).Draw(a.dropout);
    }
    ptx::cp_async_commit();
  };

  T* const q = reinterpret_cast<T*>(dynamic_shared);
  Tile::template Load<Tile::kOwn>(q, a.q + at, s.channels, rows, width, aligned);
  load(0);
  float sums[Tile::kRows][Tile::kChannels] = {};
  Softmax<Tile> softmax;
  softmax.Begin();
  // The maximum is taken of the unscaled scores, so the scale must be positive: the queries take
  // its sign. It must not be 0 either, because masked scores are −∞ and −∞·0 is NaN.
  const float scale = fmaxf(fabsf(a.binary_scale), 1e-30f);
#pragma unroll 1
  for (int64_t key = 0; key < seen; key += Tile::kStreamed) {
    ptx::cp_async_wait<0>();
    __syncthreads();  // all copies have arrived, and no thread still reads the tile that is overwritten next
    load(key + Tile::kStreamed);
    if (key == 0 && a.binary_scale < 0) Tile::Negate(q);
    if (query + Tile::FirstRow() + Tile::kWarpRows <= key) continue;  // the warp's queries attend to none of these keys
    const T* const k = keys_of(key);
    float scores[Tile::kRows][Tile::kColumns] = {};
    Tile::Multiply(q, k, scores);
    softmax.Meet(scale, AtMost<Tile::kStreamed>(query - key), scores, sums);
    if (a.dropout.rng != nullptr) {
      const Kept<Tile> kept = kept_of(key);
#pragma unroll
      for (int i = 0; i < Tile::kRows; ++i) {
#pragma unroll
        for (int j = 0; j < Tile::kColumns; ++j) {
          if (!kept.At(Tile::Row(i), Tile::Column(j))) scores[i][j] = 0;
        }
      }
    }
    Tile::Accumulate(scores, k + Tile::kStreamedSize, sums);
  }
  softmax.End(scale, a.dropout.rng != nullptr ? a.dropout.rule.scale : 1.0f, sums, a.lse + number * s.queries + query,
              rows);
  Tile::Store(sums, a.y + at, s.channels, rows, width);
#else
  __trap();
#endif
}

template <class Tile>
Outcome Attend(const Call& call, const Attention<__nv_bfloat16>& a, Message& message) {
  const int64_t blocks = DivideUp(a.size.queries, Tile::kOwn);
  const size_t stage = StageBytes<Tile>(a.dropout.rng != nullptr);
  return Launch(
      call, message,
      {blocks * a.size.batch * a.size.heads, Tile::kThreads, Tile::kOwnSize * sizeof(__nv_bfloat16) + 2 * stage},
      AttentionBf16Kernel<Tile>, call.control, a, blocks, static_cast<int>(stage), InPieces(a.size));
}

}  // namespace

Outcome HasTensorCores(const Call& call, const AttentionSizes& size, bool& has, Message& message) {
  int major = 0;
  const cudaError_t error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, call.queue->ordinal);
  has = major >= 8 && size.head_size <= 128;
  return OutcomeOf(error, "cudaDeviceGetAttribute", message);
}

// The largest tiles with which two blocks fit on a multiprocessor that has 64 Ki registers and 160
// KiB of shared memory.
Outcome AttendBf16(const Call& call, const Attention<__nv_bfloat16>& a, Message& message) {
  if (a.size.head_size <= 32) return Attend<TensorTile<32, 2, 64>>(call, a, message);
  if (a.size.head_size <= 64) return Attend<TensorTile<64, 2, 64>>(call, a, message);
  return Attend<TensorTile<128, 1, 32>>(call, a, message);
}

}  // namespace nano::cuda
