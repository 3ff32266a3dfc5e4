// Ops on rows of floats. A row is processed by eight lanes of a simdgroup (short rows), by one
// simdgroup, or by a whole threadgroup. Each thread takes quads (four adjacent elements) that are
// kRowThreads quads apart, so that the threads of a row read adjacent memory. The layout is a set
// of function constants, so that the compiler drops what a kernel doesn't need.
#pragma once

#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

constant uint kRowThreads [[function_constant(1)]];  // per row: 8, 32, or the threadgroup's
constant uint kHeld [[function_constant(2)]];        // quads that each thread keeps in registers
constant uint kColumns [[function_constant(3)]];     // per row

constant constexpr uint kMostHeld = 8, kMostRowThreads = 256, kMostRowSimdgroups = kMostRowThreads / kSimd;

// A thread's position.
struct RowThread {
  uint lane;       // index among the row's threads
  uint row, rows;  // row index in the threadgroup, rows per threadgroup
  Threads threads;

  RowThread(Threads all)
      : lane(all.Index() % kRowThreads),
        row(all.Index() / kRowThreads),
        rows(all.simdgroups * kSimd / kRowThreads),
        threads(all) {}
  uint First(uint k) const { return kQuad * (k * kRowThreads + lane); }  // of the thread's quad k
};

// Whether no two rows share a simdgroup. If so, the threads of a row past the end may return early:
// no other row needs their lanes.
inline bool IsAlone() { return kRowThreads >= kSimd; }
// The columns to read and write. A row past the end has none if it shares its simdgroup with other
// rows.
inline uint ColumnsOf(bool is_there) { return IsAlone() || is_there ? kColumns : 0; }

// ---- A row that doesn't fit in its threads' registers is processed in several turns:
// for (start = 0; start < kColumns; start += Turn()).
inline uint Turn() { return kQuad * kHeld * kRowThreads; }
inline bool InTurns() { return Turn() < kColumns; }

// A thread's elements of a row in one turn.
struct RowPart {
  float4 held[kMostHeld];

  // Elements past the end of the row are 0.
  void Load(FloatsIn row, uint start, uint n, RowThread at) {
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) {
      if (k < kHeld) held[k] = LoadQuad(row, start + at.First(k), n);
    }
  }
  // Called at the start of each turn. If a row takes several, the registers hold another turn's
  // elements, so load this one's.
  void Turned(FloatsIn row, uint start, uint n, RowThread at) {
    if (InTurns()) Load(row, start, n, at);
  }
};

inline float SumOf(float4 x) { return (x.x + x.y) + (x.z + x.w); }

// The quad that starts at element i, with elements past the end of a row of n set to 0.
inline float4 Within(float4 four, uint i, uint n) {
  return i + kQuad <= n ? four : select(four, float4(0), uint4(i, i + 1, i + 2, i + 3) >= uint4(n));
}

// Reductions over the threads of a row, in a fixed order. `room` is the same as for GroupSum.
template <class T>
inline T RowSum(T value, threadgroup T* room, RowThread at) {
  if (kRowThreads > kSimd) return GroupSum(value, room, at.threads);
  if (kRowThreads == kSimd) return simd_sum(value);
  for (ushort offset = ushort(kRowThreads / 2); offset > 0; offset /= 2) value += simd_shuffle_xor(value, offset);
  return value;
}
inline float RowMax(float value, threadgroup float* room, RowThread at) {
  if (kRowThreads > kSimd) return GroupMax(value, room, at.threads);
  if (kRowThreads == kSimd) return simd_max(value);
  for (ushort offset = ushort(kRowThreads / 2); offset > 0; offset /= 2) {
    value = max(value, simd_shuffle_xor(value, offset));
  }
  return value;
}

// ---- Column sums over the rows. Each threadgroup sums its rows into a slab of the scratch;
// SumSlabs then adds the slabs in a fixed order. A thread accumulates its columns in registers, or
// in the slab if a row takes several turns.
struct ColumnSums {
  enum { kMostShared = 128 };  // maximum quads of a row where rows share a threadgroup

  device float* slab;  // kColumns floats
  float4 held[kMostHeld];

  ColumnSums(device float* sums) : slab(sums) {
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) held[k] = float4(0);
  }

  // Called before and after each turn that adds to held[]. `first`: nothing has been added yet.
  void Begin(uint start, bool first, RowThread at) {
    if (!InTurns()) return;
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) {
      if (k >= kHeld) continue;
      held[k] = first ? float4(0) : LoadQuad(FloatsIn(slab, false), start + at.First(k), kColumns);
    }
  }
  void End(uint start, RowThread at) {
    if (InTurns()) Store(start, at);
  }

  // Adds up the sums of the threadgroup's rows, one simdgroup after another. `room` holds
  // kMostShared quads.
  void Finish(threadgroup float4* room, RowThread at) {
    if (InTurns()) return;
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) {
      if (k >= kHeld) continue;
      for (ushort offset = ushort(kRowThreads); offset < kSimd; offset *= 2) {
        held[k] += simd_shuffle_xor(held[k], offset);
      }
    }
    if (kRowThreads > kSimd) return Store(0, at);
    const bool has = at.threads.lane < kRowThreads;
    for (uint simdgroup = 0; simdgroup < at.threads.simdgroups; ++simdgroup) {
      if (at.threads.simdgroup == simdgroup && has) {
#pragma unroll
        for (uint k = 0; k < kMostHeld; ++k) {
          if (k >= kHeld) continue;
          threadgroup float4& place = room[k * kRowThreads + at.lane];
          if (simdgroup > 0) held[k] += place;
          if (simdgroup + 1 < at.threads.simdgroups) place = held[k];
        }
        if (simdgroup + 1 == at.threads.simdgroups) Store(0, at);
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
    }
  }

  void Store(uint start, RowThread at) const {
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) {
      if (k < kHeld) StoreQuad(FloatsOut(slab, false), start + at.First(k), kColumns, held[k]);
    }
  }
};

#else  // the host's part
namespace nano::metal {

// How rows of `columns` elements are divided among threads.
struct RowPlan {
  int threads;  // per row
  int held;     // quads that each thread keeps in registers
  int64_t columns;

  int group() const { return threads > 32 ? threads : 256; }  // threads per threadgroup
  int rows() const { return group() / threads; }              // per threadgroup at a time
  int64_t groups(int64_t of_rows) const { return DivideUp(of_rows, rows()); }
  Grid GridOf(int64_t of_rows) const { return {groups(of_rows), group()}; }
};

// A thread keeps at most `most_held` quads of a row: 8, or fewer if the kernel keeps other values
// too.
inline RowPlan PlanOf(int64_t columns, int most_held) {
  constexpr int kMostThreads = 256;
  const int64_t fours = DivideUp(columns, kQuad);
  int threads = columns <= 64 ? 8 : 32;
  while (threads < kMostThreads && DivideUp(fours, threads) > most_held) threads *= 2;
  const int64_t held = DivideUp(fours, threads);
  return {threads, static_cast<int>(held < most_held ? held : most_held), columns};
}

// `constant` is function constant 4, for the kernel's own use.
template <class Arguments>
Outcome LaunchRows(const Call& call, Message& message, const Grid& grid, const RowPlan& plan, const Function& function,
                   const Arguments& arguments, Operands operands, uint32_t constant = 0) {
  return Launch(call, message, grid, function,
                {static_cast<uint32_t>(plan.threads), static_cast<uint32_t>(plan.held),
                 static_cast<uint32_t>(plan.columns), constant},
                arguments, operands);
}

// The plan for column sums, and the number of slabs: so many that each thread processes about four
// rows, but at most 256, which is enough to keep a large GPU busy.
inline RowPlan SlabPlanOf(int64_t columns) { return PlanOf(columns, 4); }
inline int64_t Slabs(int64_t rows, int64_t columns) {
  constexpr int64_t kMost = 256, kLeastRows = 4;
  const int64_t slabs = DivideUp(rows, kLeastRows * SlabPlanOf(columns).rows());
  return slabs < kMost ? slabs : kMost;
}

// first[c] = Σ sums[slab][c], and second[c] = Σ sums[slab][n + c] if `second` is not null.
Outcome SumSlabs(const Call& call, Message& message, const float* sums, int64_t slabs, int64_t n, const void* first,
                 const void* second);

}  // namespace nano::metal
#endif
