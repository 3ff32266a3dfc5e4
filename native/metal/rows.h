// Ops on rows of floats. Some threads take a row: eight lanes of a simdgroup for a short one, a simdgroup, or a whole
// group. They have fours of it, as many fours apart as they are, so that they read memory in order. All that decides
// how is a function constant, so that what a kernel does not need is no part of it.
#pragma once

#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

constant uint kRowThreads [[function_constant(1)]];  // that have a row: 8, 32, or all of the group's
constant uint kHeld [[function_constant(2)]];        // fours of it that each keeps in registers
constant uint kColumns [[function_constant(3)]];     // of a row

constant constexpr uint kMostHeld = 8, kMostRowThreads = 256, kMostRowSimdgroups = kMostRowThreads / kSimd;

// Where a thread is.
struct RowThread {
  uint lane;       // among the row's threads
  uint row, rows;  // in the group, of the group
  Threads threads;

  RowThread(Threads all)
      : lane(all.Index() % kRowThreads),
        row(all.Index() / kRowThreads),
        rows(all.simdgroups * kSimd / kRowThreads),
        threads(all) {}
  uint First(uint k) const { return kQuad * (k * kRowThreads + lane); }  // element of the thread's four k
};

// Whether a row that is not there has simdgroups of its own, which need not wait for others.
inline bool IsAlone() { return kRowThreads >= kSimd; }
// Of a row that is not there, if it shares a simdgroup with some that are, nothing is read and nothing written.
inline uint ColumnsOf(bool is_there) { return IsAlone() || is_there ? kColumns : 0; }

// ---- A row longer than its threads hold is looked at in several turns:
// for (start = 0; start < kColumns; start += Turn()).
inline uint Turn() { return kQuad * kHeld * kRowThreads; }
inline bool InTurns() { return Turn() < kColumns; }

// What a thread has of a row in one turn.
struct RowPart {
  float4 held[kMostHeld];

  // Elements that the row hasn't are 0.
  void Load(FloatsIn row, uint start, uint n, RowThread at) {
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) {
      if (k < kHeld) held[k] = LoadQuad(row, start + at.First(k), n);
    }
  }
  // To be called at the beginning of a turn: what is held since the last turn, or not yet, is not this one's.
  void Turned(FloatsIn row, uint start, uint n, RowThread at) {
    if (InTurns()) Load(row, start, n, at);
  }
};

inline float SumOf(float4 x) { return (x.x + x.y) + (x.z + x.w); }

// The four from element i on without those that a row of n has not.
inline float4 Within(float4 four, uint i, uint n) {
  return i + kQuad <= n ? four : select(four, float4(0), uint4(i, i + 1, i + 2, i + 3) >= uint4(n));
}

// Over the threads of a row, in a fixed order. `room` as for GroupSum.
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

// ---- Sums over the rows, for each column. Every group has a slab of the rows, and its own sums in the scratch; these
// are added afterwards, in order. A thread has those of its columns: in registers, or in the slab if a row takes turns.
struct ColumnSums {
  enum { kMostShared = 128 };  // fours of a row that shares a group

  device float* slab;  // kColumns of them
  float4 held[kMostHeld];

  ColumnSums(device float* sums) : slab(sums) {
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) held[k] = float4(0);
  }

  // Before and after a turn in which held[] is added to. `first`: nothing has been added yet.
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

  // Joins what the group's rows have, one simdgroup after the other. `room` is of kMostShared fours.
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

// How rows of n elements are shared out.
struct RowPlan {
  int threads;  // of a row
  int held;     // fours that each of them keeps
  int64_t columns;

  int group() const { return threads > 32 ? threads : 256; }  // threads of a group
  int rows() const { return group() / threads; }              // at once in a group
  int64_t groups(int64_t of_rows) const { return DivideUp(of_rows, rows()); }
  Grid GridOf(int64_t of_rows) const { return {groups(of_rows), group()}; }
};

// Of each row a thread keeps `most_held` fours at most: 8, or as many fewer as there are other things to keep.
inline RowPlan PlanOf(int64_t columns, int most_held) {
  constexpr int kMostThreads = 256;
  const int64_t fours = DivideUp(columns, kQuad);
  int threads = columns <= 64 ? 8 : 32;
  while (threads < kMostThreads && DivideUp(fours, threads) > most_held) threads *= 2;
  const int64_t held = DivideUp(fours, threads);
  return {threads, static_cast<int>(held < most_held ? held : most_held), columns};
}

// `constant`: number 4, which a kernel may have to itself.
template <class Arguments>
Outcome LaunchRows(const Call& call, Message& message, const Grid& grid, const RowPlan& plan, const Function& function,
                   const Arguments& arguments, Operands operands, uint32_t constant = 0) {
  return Launch(call, message, grid, function,
                {static_cast<uint32_t>(plan.threads), static_cast<uint32_t>(plan.held),
                 static_cast<uint32_t>(plan.columns), constant},
                arguments, operands);
}

// The plan for sums over the rows, and how many slabs there are: a few rows for each thread, and as many groups as keep
// a large GPU busy.
inline RowPlan SlabPlanOf(int64_t columns) { return PlanOf(columns, 4); }
inline int64_t Slabs(int64_t rows, int64_t columns) {
  constexpr int64_t kMost = 256, kLeastRows = 4;
  const int64_t slabs = DivideUp(rows, kLeastRows * SlabPlanOf(columns).rows());
  return slabs < kMost ? slabs : kMost;
}

// first[c] = Σ sums[slab][c], and second[c] = Σ sums[slab][n + c] if there is one.
Outcome SumSlabs(const Call& call, Message& message, const float* sums, int64_t slabs, int64_t n, const void* first,
                 const void* second);

}  // namespace nano::metal
#endif
