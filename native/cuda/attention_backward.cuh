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

}  // namespace nano::cuda
