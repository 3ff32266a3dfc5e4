// Ops on rows of floats. A group of threads processes a row: eight lanes of a warp for a short row,
// a warp, or a whole block. Each thread has runs of four elements (fours), kThreads fours apart, so
// that the threads read consecutive memory, 16 bytes each.
#pragma once

#include "cuda/floats.cuh"

namespace nano::cuda {

struct Four {
  float v[4];
};

// Elements i to i + 3 of a row of n elements, and `rest` for those outside it.
__device__ __forceinline__ Four LoadFour(Floats row, int64_t i, int64_t n, float rest) {
  if (i >= 0 && i + 4 <= n && row.IsFour(i)) {
    const float4 x = row.GetFour(i);
    return {{x.x, x.y, x.z, x.w}};
  }
  Four x;
#pragma unroll
  for (int j = 0; j < 4; ++j) x.v[j] = i + j >= 0 && i + j < n ? row.Get(i + j) : rest;
  return x;
}

__device__ __forceinline__ void StoreFour(Floats row, int64_t i, int64_t n, const Four& x) {
  if (i >= 0 && i + 4 <= n && row.IsFour(i)) return row.SetFour(i, make_float4(x.v[0], x.v[1], x.v[2], x.v[3]));
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    if (i + j >= 0 && i + j < n) row.Set(i + j, x.v[j]);
  }
}

// kThreads threads per row, each with up to kHeld fours in registers. The rest of a longer row is
// read again in each pass.
template <int kThreadsOfRow, int kFours>
struct RowPlan {
  static constexpr int kThreads = kThreadsOfRow, kHeld = kFours;
  static constexpr int kBlock = kThreads > kWarp ? kThreads : 256;
  static constexpr int kLeastBlocks = 512 / kBlock;  // per multiprocessor: 128 registers per thread, so that none spill
  static constexpr int kRows = kBlock / kThreads;    // of a block at a time
  static constexpr int kColumns = 4 * kThreads * kHeld;  // held in registers
  static constexpr int kWarps = kBlock / kWarp;

  __device__ __forceinline__ static int Lane() { return static_cast<int>(threadIdx.x) % kThreads; }
  __device__ __forceinline__ static int Group() { return static_cast<int>(threadIdx.x) / kThreads; }

  static Grid GridOf(int64_t rows) {
    constexpr int64_t kMost = int64_t{1} << 30;
    const int64_t blocks = DivideUp(rows, kRows);
    return {blocks < kMost ? blocks : kMost, kBlock};
  }

  // Calls body(row, mine) for all rows, equally often on all threads of the block, so that the body
  // may contain barriers. `mine` is false for a group that has no row left.
  template <class Body>
  __device__ __forceinline__ static void ForRows(int64_t rows, const Body& body) {
    const int64_t step = static_cast<int64_t>(gridDim.x) * kRows;
    for (int64_t first = static_cast<int64_t>(blockIdx.x) * kRows; first < rows; first += step) {
      body(first + Group(), first + Group() < rows);
    }
  }

  // Reduces over the threads of a row, in a fixed order. `room` has kWarps values.
  template <class T, class Combine>
  __device__ __forceinline__ static T Reduce(T value, T* room, Combine combine) {
    if constexpr (kThreads > kWarp) {
      return BlockReduce<kThreads>(value, room, combine);
    } else {
#pragma unroll
      for (int offset = kThreads / 2; offset > 0; offset /= 2) {
        value = combine(value, __shfl_xor_sync(~0u, value, offset));
      }
      return value;
    }
  }

  // Sums two values at once. `room` has kWarps pairs.
  __device__ __forceinline__ static void SumBoth(float& a, float& b, float (*room)[2]) {
#pragma unroll
    for (int offset = (kThreads < kWarp ? kThreads : kWarp) / 2; offset > 0; offset /= 2) {
      a += __shfl_xor_sync(~0u, a, offset);
      b += __shfl_xor_sync(~0u, b, offset);
    }
    if constexpr (kThreads > kWarp) {
      const int warp = static_cast<int>(threadIdx.x) / kWarp;
      if (threadIdx.x % kWarp == 0) room[warp][0] = a, room[warp][1] = b;
      __syncthreads();
      a = room[0][0], b = room[0][1];
      for (int i = 1; i < kWarps; ++i) a += room[i][0], b += room[i][1];
      __syncthreads();
    }
  }
};

// A thread's part of kCount rows with the same layout. If a row starts `lead` elements after an
// aligned address, its fours start at aligned addresses.
template <class Plan, int kCount>
struct HeldRows {
  Floats rows[kCount];
  int64_t n, lead;
  Four held[Plan::kHeld][kCount];

  __device__ __forceinline__ int64_t Start(int64_t four) const { return 4 * four - lead; }

  // Elements of incomplete fours outside the rows become `rest`.
  __device__ __forceinline__ void Load(float rest) {
#pragma unroll
    for (int k = 0; k < Plan::kHeld; ++k) {
#pragma unroll
      for (int row = 0; row < kCount; ++row) {
        held[k][row] = LoadFour(rows[row], Start(k * Plan::kThreads + Plan::Lane()), n, rest);
      }
    }
  }

  // Calls body(k, i, fours) for each of the thread's fours. i is its first element. k is its index
  // in `held`, or kHeld if it is not held.
  template <class Body>
  __device__ __forceinline__ void Each(float rest, const Body& body) const {
#pragma unroll
    for (int k = 0; k < Plan::kHeld; ++k) {
      const int64_t i = Start(k * Plan::kThreads + Plan::Lane());
      if (i < n) body(k, i, held[k]);
    }
    for (int64_t i = Start(Plan::kHeld * Plan::kThreads + Plan::Lane()); i < n; i += 4 * Plan::kThreads) {
      Four fours[kCount];
#pragma unroll
      for (int row = 0; row < kCount; ++row) fours[row] = LoadFour(rows[row], i, n, rest);
      body(Plan::kHeld, i, fours);
    }
  }
};

// Calls use(plan) with the plan for rows of n elements.
template <class Use>
Outcome WithPlan(int64_t n, const Use& use) {
  if (n <= 64) return use(RowPlan<8, 2>());
  if (n <= 128) return use(RowPlan<32, 1>());
  if (n <= 512) return use(RowPlan<32, 4>());
  if (n <= 1024) return use(RowPlan<64, 4>());
  if (n <= 2048) return use(RowPlan<256, 2>());
  if (n <= 4096) return use(RowPlan<256, 4>());
  return use(RowPlan<512, 4>());
}

// ---- Sums over the rows, for each column. Each block sums its rows into a slab of the scratch.
// SumSlabs then adds the slabs, in a fixed order.
template <class Use>
auto WithSlabPlan(int64_t n, const Use& use) {
  if (n <= 64) return use(RowPlan<8, 2>());
  if (n <= 128) return use(RowPlan<32, 1>());
  if (n <= 512) return use(RowPlan<32, 4>());
  if (n <= 1024) return use(RowPlan<256, 1>());
  if (n <= 2048) return use(RowPlan<256, 2>());
  return use(RowPlan<512, 2>());
}

// At least a few rows per group, and at most as many blocks as keep a large GPU busy.
inline int64_t Slabs(int64_t rows, int64_t n) {
  constexpr int64_t kMost = 512, kLeastRows = 4;
  const int64_t at_once = WithSlabPlan(n, [](auto plan) { return int64_t{decltype(plan)::kRows}; });
  const int64_t slabs = DivideUp(rows, kLeastRows * at_once);
  return slabs < kMost ? slabs : kMost;
}

// The sums of a thread's columns. Those of held columns are in registers, the others in the slab's
// row of the scratch.
template <class Plan>
struct ColumnSums {
  float* slab;  // n sums in the scratch
  Four held[Plan::kHeld];

  __device__ __forceinline__ void Clear(int64_t n) {
#pragma unroll
    for (int k = 0; k < Plan::kHeld; ++k) held[k] = {{0, 0, 0, 0}};
    for (int64_t i = Plan::kColumns + 4 * Plan::Lane(); i < n; i += 4 * Plan::kThreads) {
      StoreFour(slab, i, n, {{0, 0, 0, 0}});
    }
  }

  __device__ __forceinline__ void Add(int k, int64_t i, int64_t n, const Four& x) {
    Four sum = k < Plan::kHeld ? held[k < Plan::kHeld ? k : 0] : LoadFour(slab, i, n, 0);
#pragma unroll
    for (int j = 0; j < 4; ++j) sum.v[j] += x.v[j];
    if (k < Plan::kHeld) {
      held[k < Plan::kHeld ? k : 0] = sum;
    } else {
      StoreFour(slab, i, n, sum);
    }
  }

  // Adds the sums of the groups, one group after another, and stores them. `room` has kColumns
  // floats and is used only if there are several groups.
  __device__ __forceinline__ void Finish(int64_t n, float* room) {
    for (int group = 0; group < Plan::kRows; ++group) {
      if (Plan::Group() == group) {
#pragma unroll
        for (int k = 0; k < Plan::kHeld; ++k) {
          const int64_t i = 4 * (k * Plan::kThreads + Plan::Lane());
          if (group > 0) {
#pragma unroll
            for (int j = 0; j < 4; ++j) held[k].v[j] += room[i + j];
          }
          if (group + 1 == Plan::kRows) {
            StoreFour(slab, i, n, held[k]);
          } else {
#pragma unroll
            for (int j = 0; j < 4; ++j) room[i + j] = held[k].v[j];
          }
        }
      }
      if (Plan::kRows > 1) __syncthreads();
    }
  }
};

// first[c] = Σ sums[slab][c] and, unless `second` is null, second[c] = Σ sums[slab][n + c].
Outcome SumSlabs(const Call& call, Message& message, const float* sums, int64_t slabs, int64_t n, float* first,
                 float* second);

}  // namespace nano::cuda
