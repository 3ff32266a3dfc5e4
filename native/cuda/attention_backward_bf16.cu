// attention_backward for bf16 on tensor cores, with the algorithm of attention_backward.cu.
#include "cuda/attention_backward.cuh"
#include "cuda/attention_tensor.cuh"

namespace nano::cuda {
namespace {

// A stage holds two streamed tiles. If the block owns keys, it also holds the statistics of the
// streamed queries; with dropout, the mask.
template <class Tile, bool kOfKeys>
constexpr int kStatisticsBytes = kOfKeys ? 2 * Tile::kStreamed * sizeof(float) : 0;
template <class Tile, bool kOfKeys>
size_t StageBytes(bool drop) {
  return 2 * Tile::kStreamedSize * sizeof(__nv_bfloat16) + kStatisticsBytes<Tile, kOfKeys> +
         (drop ? KeptOf<Tile, kOfKeys>::kBytes : 0);
}

// Replaces the scores by the weights after dropout, and `slopes`, which holds the gradients of the
// weights, by the gradients of the scores without the factor b.scale.
template <class Tile, bool kOfKeys>
struct Softmax {
  const Backward<__nv_bfloat16>& b;
  const KeptOf<Tile, kOfKeys>& kept;
  int ahead, columns;         // position of the first query − that of the first key; streamed rows
  const float *lse, *deltas;  // of own rows i, or of columns

  __device__ __forceinline__ void Turn(float (&scores)[Tile::kRows][Tile::kColumns],
                                       float (&slopes)[Tile::kRows][Tile::kColumns]) const {
    const auto for_each = [](const auto& body) {
#pragma unroll
      for (int i = 0; i < Tile::kRows; ++i) {
#pragma unroll
        for (int j = 0; j < Tile::kColumns; ++j) body(i, j);
      }
    };
    for_each(
        [&](int i, int j) { scores[i][j] = ptx::exp2_approx(fmaf(scores[i][j], b.binary_scale, -lse[At(i, j)])); });
    if (b.dropout.rng == nullptr) {
      for_each([&](int i, int j) { slopes[i][j] = scores[i][j] * (slopes[i][j] - deltas[At(i, j)]); });
    } else {
      for_each([&](int i, int j) {
        const int row = Tile::Row(i), column = Tile::Column(j);
        const bool keeps = kept.At(kOfKeys ? column : row, kOfKeys ? row : column);
        const float factor = keeps ? b.dropout.rule.scale : 0.0f;
        slopes[i][j] = scores[i][j] * (slopes[i][j] * factor - deltas[At(i, j)]);
        scores[i][j] *= factor;
      });
    }
    if (SeeAll()) return;
    for_each([&](int i, int j) {
      const int row = Tile::Row(i), column = Tile::Column(j);
      if (kOfKeys ? row - ahead > column || column >= columns : column - ahead > row) scores[i][j] = slopes[i][j] = 0;
    });
  }

  // Whether all of the warp's queries attend to all of its keys.
  __device__ __forceinline__ bool SeeAll() const {
    if (kOfKeys) return Tile::FirstRow() + Tile::kWarpRows - 1 <= ahead && columns == Tile::kStreamed;
    return Tile::kStreamed - 1 - ahead <= Tile::FirstRow();
  }
  // Whether none of these queries attends to any of these keys.
  __device__ __forceinline__ bool SeeNone() const {
    return kOfKeys ? Tile::FirstRow() - ahead > Tile::kStreamed - 1 : -ahead > Tile::FirstRow() + Tile::kWarpRows - 1;
  }

 private:
  static __device__ __forceinline__ int At(int i, int j) { return kOfKeys ? Tile::Column(j) : i; }
};

// A block owns kOwn queries of one head and iterates over tiles of the keys and values that they
// attend to. If kOfKeys, it owns kOwn keys and values and iterates over the queries that attend to
// them, for each of the query heads that share the key head. The next tile is loaded while the
// current one is multiplied.
template <class Tile, bool kOfKeys>
__global__ void __launch_bounds__(Tile::kThreads) BackwardBf16Kernel(const Control* control, Backward<__nv_bfloat16> b,
                                                                     int64_t blocks, int stage_bytes, bool aligned) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800  // HasTensorCores rejects older GPUs
  using T = __nv_bfloat16;
  if (Stopped(control)) return;

  // Blocks with the most tiles start first.
  const AttentionSizes& s = b.size;
  const int64_t heads = kOfKeys ? s.heads / s.group : s.heads;
  const int64_t number = blockIdx.x % (s.batch * heads), block = blockIdx.x / (s.batch * heads);
  const int64_t own = (kOfKeys ? block : blocks - 1 - block) * Tile::kOwn;
  const int64_t batch = number / heads, head = number % heads;
  const int rows = AtMost<Tile::kOwn>(s.queries - own), width = static_cast<int>(s.head_size);
  const int64_t own_stride = kOfKeys ? s.kv_channels : s.channels, stride = kOfKeys ? s.channels : s.kv_channels;
  const int64_t at_own = (batch * s.queries + own) * own_stride + head * s.head_size;

  // A streamed tile: of one head or, if kOfKeys, of each query head that shares the keys.
  struct Met {
    int64_t first;  // first row
    int64_t index;  // b·H + h of the queries
    T *a, *b;       // queries and dy, or keys and values
    float *lse, *deltas;
    KeptOf<Tile, kOfKeys> kept;
  };
  const int64_t begin = kOfKeys ? own : 0, end = kOfKeys ? s.queries : own + rows;
  const int tiles = static_cast<int>(DivideUp(end - begin, Tile::kStreamed));
  const int count = static_cast<int>(kOfKeys ? s.group : 1) * tiles;
  const auto met_at = [&](int n) {
    Met met;
    met.first = begin + static_cast<int64_t>(n % tiles) * Tile::kStreamed;
    met.index = batch * s.heads + (kOfKeys ? head * s.group + n / tiles : head);
    unsigned char* const stage = dynamic_shared + 2 * Tile::kOwnSize * sizeof(T) + n % 2 * stage_bytes;
    met.a = reinterpret_cast<T*>(stage), met.b = met.a + Tile::kStreamedSize;
    met.lse = reinterpret_cast<float*>(met.b + Tile::kStreamedSize), met.deltas = met.lse + Tile::kStreamed;
    met.kept.bits = reinterpret_cast<uint8_t*>(met.lse) + kStatisticsBytes<Tile, kOfKeys>;
    met.kept.first = (met.index * s.queries + (kOfKeys ? met.first : own)) * static_cast<uint64_t>(s.keys) +
                     (kOfKeys ? own : met.first);
    met.kept.stride = static_cast<uint64_t>(s.keys);
    return met;
  };
  const auto load = [&](int n) {
    if (n < count) {
      const Met met = met_at(n);
      const int columns = AtMost<Tile::kStreamed>(end - met.first);
      const int64_t met_head = kOfKeys ? met.index - batch * s.heads : head / s.group;
      const int64_t at = (batch * s.queries + met.first) * stride + met_head * s.head_size;
      Tile::template Load<Tile::kStreamed>(met.a, (kOfKeys ? b.q : b.k) + at, stride, columns, width, aligned);
      Tile::template Load<Tile::kStreamed>(met.b, (kOfKeys ? b.dy : b.v) + at, stride, columns, width, aligned);
      if constexpr (kOfKeys) {
        LoadStatistics<Tile::kStreamed, Tile::kThreads>(b, met.index * s.queries + met.first, columns, met.lse,
                                                        met.deltas);
      }
      if (b.dropout.rng != nullptr) met.kept.Draw(b.dropout);
    }
    ptx::cp_async_commit();
  };

  T *const own_a = reinterpret_cast<T*>(dynamic_shared), *const own_b = own_a + Tile::kOwnSize;
  Tile::template Load<Tile::kOwn>(own_a, (kOfKeys ? b.k : b.q) + at_own, own_stride, rows, width, aligned);
  Tile::template Load<Tile::kOwn>(own_b, (kOfKeys ? b.v : b.dy) + at_own, own_stride, rows, width, aligned);
  load(0);
  float lse[Tile::kRows], deltas[Tile::kRows];  // of this thread's own queries
#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) {
    const bool there = !kOfKeys && Tile::Row(i) < rows;
    const int64_t query = number * s.queries + own + Tile::Row(i);
    lse[i] = there ? b.lse[query] * static_cast<float>(kLog2E) : 0.0f;
    deltas[i] = there ? b.deltas[query] : 0.0f;
  }
  float sums_a[Tile::kRows][Tile::kChannels] = {}, sums_b[Tile::kRows][Tile::kChannels] = {};
#pragma unroll 1
  for (int n = 0; n < count; ++n) {
    ptx::cp_async_wait<0>();
    __syncthreads();  // all copies have arrived, and no thread still reads the tile that is overwritten next
    load(n + 1);
    const Met met = met_at(n);
    const Softmax<Tile, kOfKeys> softmax = {
        b,
        met.kept,
        kOfKeys ? AtMost<Tile::kOwn>(met.first - own) : AtMost<Tile::kStreamed>(own - met.first),
        AtMost<Tile::kStreamed>(end - met.first),
        kOfKeys ? met.lse : lse,
        kOfKeys ? met.deltas : deltas};
    if (softmax.SeeNone()) continue;
    float scores[Tile::kRows][Tile::kColumns] = {}, slopes[Tile::kRows][Tile::kColumns] = {};
    Tile::Multiply(own_a, met.a, scores);
    Tile::Multiply(own_b, met.b, slopes);
    softmax.Turn(scores, slopes);
    if constexpr (kOfKeys) Tile::Accumulate(scores, met.b, sums_b);
    Tile::Accumulate(slopes, met.a, sums_a);
  }
#pragma unroll
  for (int i = 0; i < Tile::kRows; ++i) {
#pragma unroll
    for (int c = 0; c < Tile::kChannels; ++c) sums_a[i][c] *= b.scale;
  }
  Tile::Store(sums_a, (kOfKeys ? b.dk : b.dq) + at_own, own_stride, rows, width);
  if constexpr (kOfKeys) Tile::Store(sums_b, b.dv + at_own, own_stride, rows, width);
#else
  __trap();
#endif
}

template <class Tile, bool kOfKeys>
Outcome Differentiate(const Call& call, const Backward<__nv_bfloat16>& b, Message& message) {
  const AttentionSizes& s = b.size;
  const int64_t blocks = DivideUp(s.queries, Tile::kOwn), heads = kOfKeys ? s.heads / s.group : s.heads;
  const size_t stage = StageBytes<Tile, kOfKeys>(b.dropout.rng != nullptr);
  return Launch(call, message,
                {blocks * s.batch * heads, Tile::kThreads, 2 * (Tile::kOwnSize * sizeof(__nv_bfloat16) + stage)},
                BackwardBf16Kernel<Tile, kOfKeys>, call.control, b, blocks, static_cast<int>(stage), InPieces(s));
}

template <class OfKeys, class OfQueries>
Outcome DifferentiateBoth(const Call& call, const Backward<__nv_bfloat16>& b, Message& message) {
  const Outcome outcome = Differentiate<OfKeys, true>(call, b, message);
  return outcome == Outcome::kOk ? Differentiate<OfQueries, false>(call, b, message) : outcome;
}

}  // namespace

// The largest tiles with which two blocks fit on a multiprocessor that has 64 Ki registers and 160
// KiB of shared memory.
Outcome DifferentiateBf16(const Call& call, const Backward<__nv_bfloat16>& b, Message& message) {
  if (b.size.head_size <= 32) return DifferentiateBoth<TensorTile<32, 1, 64>, TensorTile<32, 2, 32>>(call, b, message);
  if (b.size.head_size <= 64) return DifferentiateBoth<TensorTile<64, 1, 64>, TensorTile<64, 2, 32>>(call, b, message);
  return DifferentiateBoth<TensorTile<128, 1, 32>, TensorTile<128, 1, 32>>(call, b, message);
}

}  // namespace nano::cuda
