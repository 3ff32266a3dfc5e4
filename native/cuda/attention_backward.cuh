// What the kernels of attention_backward share, whatever their tiles are made of.
#pragma once

#include "cuda/attention.cuh"

namespace nano::cuda {

// A call as kernels see it; T is float or __nv_bfloat16.
template <class T>
struct Backward {
  AttentionSizes size;
  const T *q, *k, *v, *y, *dy;
  T *dq, *dk, *dv;
  const float* lse;
  float* deltas;  // [B, H, T]: Σ dy·y of each query
  float scale, binary_scale;
  WeightDropout dropout;
};

// Of bf16, by tensor cores, in attention_backward_bf16.cu. The deltas are there.
Outcome DifferentiateBf16(const Call& call, const Backward<__nv_bfloat16>& backward, Message& message);

// Of a tile: its queries, and its mask. kOfKeys: the block owns keys.
template <class Tile, bool kOfKeys>
constexpr int kQueries = kOfKeys ? Tile::kStreamed : Tile::kOwn;

template <class Tile, bool kOfKeys>
using KeptOf =
    KeptWeights<kQueries<Tile, kOfKeys>, Tile::kOwn + Tile::kStreamed - kQueries<Tile, kOfKeys>, Tile::kThreads>;

// What the softmax of `count` queries, the first of them number `query`, was: lse in base 2, and Σ dy·y. Zeros behind.
template <int kMost, int kThreads, class T>
__device__ __forceinline__ void LoadStatistics(const Backward<T>& b, int64_t query, int count, float* lse,
                                               float* deltas) {
  static_assert(kMost <= kThreads);
  const int i = static_cast<int>(threadIdx.x);
  if (i >= kMost) return;
  lse[i] = i < count ? b.lse[query + i] * static_cast<float>(kLog2E) : 0.0f;
  deltas[i] = i < count ? b.deltas[query + i] : 0.0f;
}

// Scores and, in `slopes`, the gradients of the weights become the weights that dropout leaves and the gradients of the
// scores; 0 where a query doesn't see a key. The first query is `ahead` of the first key.
template <class Tile, class T, bool kOfKeys>
struct SoftmaxGradient {
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

}  // namespace nano::cuda
