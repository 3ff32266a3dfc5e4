// Loops over dense arrays and their split into tasks.
#pragma once

#include "cpu/kernel.h"
#include "cpu/simd.h"

namespace nano::cpu::NANO_ISA {

// Elements per task of an elementwise op: about 1 µs of work, several times the cost of starting a
// task. Small enough that the activations of small models are split too, so that each thread finds
// the rows it wrote in its own cache.
constexpr int64_t kChunk = 4096;

// Calls body(begin, end, worker) for every chunk of [0, count). `worker` selects a scratch area.
// Without a pool, all chunks run on the calling thread.
template <class Body>
NANO_INLINE void ForTasks(Pool* pool, int64_t count, int64_t chunk, const Body& body) {
  const int64_t tasks = DivideUp(count, chunk);
  const auto run = [&](int64_t i, int worker) { body(i * chunk, Smaller(count, (i + 1) * chunk), worker); };
  if (pool != nullptr) return pool->Run(tasks, run);
  for (int64_t i = 0; i < tasks; ++i) run(i, 0);
}

// Calls body(begin, end) for every chunk.
template <class Body>
NANO_INLINE void ForChunks(Pool* pool, int64_t count, int64_t chunk, const Body& body) {
  ForTasks(pool, count, chunk, [&](int64_t begin, int64_t end, int) { body(begin, end); });
}

// Elements per task if each takes an exponential or several passes.
constexpr int64_t kSlowChunk = 1024;

// Rows per task that have about as many elements as a chunk.
NANO_INLINE int64_t RowsInChunk(int64_t columns, int64_t chunk = kChunk) { return Larger(1, chunk / columns); }

// y = f(x) and y = f(a, b), elementwise. The last vector may be partial.
template <class F>
NANO_INLINE void Map(const float* x, float* y, int64_t n, const F& f) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) Store(y + i, f(Load(x + i)));
  if (i < n) StoreSome(y + i, n - i, f(LoadSome(x + i, n - i)));
}
template <class F>
NANO_INLINE void Map(const float* a, const float* b, float* y, int64_t n, const F& f) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) Store(y + i, f(Load(a + i), Load(b + i)));
  if (i < n) StoreSome(y + i, n - i, f(LoadSome(a + i, n - i), LoadSome(b + i, n - i)));
}

// The sum of f(i, lanes) over the vectors at i. `lanes` is 8 except for the last vector, whose
// other lanes f must leave at 0.
template <class F>
NANO_INLINE float SumOver(int64_t n, const F& f) {
  F8 sums[4] = {Set(0), Set(0), Set(0), Set(0)};
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    for (int j = 0; j < 4; ++j) sums[j] = sums[j] + f(i + 8 * j, int64_t{8});
  }
  for (; i < n; i += 8) sums[0] = sums[0] + f(i, Smaller(8, n - i));
  return Sum((sums[0] + sums[2]) + (sums[1] + sums[3]));
}

NANO_INLINE F8 LoadLanes(const float* p, int64_t lanes) { return lanes == 8 ? Load(p) : LoadSome(p, lanes); }

NANO_INLINE void StoreLanes(float* p, int64_t lanes, F8 x) {
  if (lanes == 8) {
    Store(p, x);
  } else {
    StoreSome(p, lanes, x);
  }
}

// x with the lanes from `lanes` on set to 0.
NANO_INLINE F8 KeepLanes(F8 x, int64_t lanes) { return lanes == 8 ? x : And(LaneMask(lanes), x); }

}  // namespace nano::cpu::NANO_ISA
