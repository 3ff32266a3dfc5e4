// Shared by the attention_backward kernels, with f32 tiles or on tensor cores.
#pragma once

#include "cuda/attention.cuh"

namespace nano::cuda {

// The arguments of a kernel; T is float or __nv_bfloat16.
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

// For bf16 on tensor cores, in attention_backward_bf16.cu. `deltas` must be computed before.
Outcome DifferentiateBf16(const Call& call, const Backward<__nv_bfloat16>& backward, Message& message);

// The number of queries of a tile, and the dropout mask of a tile. kOfKeys: the block owns keys.
template <class Tile, bool kOfKeys>
constexpr int kQueries = kOfKeys ? Tile::kStreamed : Tile::kOwn;

template <class Tile, bool kOfKeys>
using KeptOf =
    KeptWeights<kQueries<Tile, kOfKeys>, Tile::kOwn + Tile::kStreamed - kQueries<Tile, kOfKeys>, Tile::kThreads>;

// Loads the softmax statistics of `count` queries, starting at index `query`: lse in base 2, and Σ
// dy·y. Fills the rest of kMost entries with 0.
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
