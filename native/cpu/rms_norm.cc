// rms_norm and its gradient. In this file a "row" is one group of n channels that are normalized
// together. dgain is summed separately for each block of rows, and the blocks are added in order.
#include "ops/rms_norm.h"

#include <cstring>

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
namespace {

// Σ f(i, lanes) over a row, as partial sums in the lanes of one vector.
template <class F>
NANO_INLINE F8 LaneSums(int64_t n, const F& f) {
  F8 sums[2] = {Set(0), Set(0)};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int j = 0; j < 2; ++j) sums[j] = sums[j] + f(i + 8 * j, int64_t{8});
  }
  for (; i < n; i += 8) sums[0] = sums[0] + f(i, Smaller(8, n - i));
  return sums[0] + sums[1];
}

// Rows that are finished together, so that one square root and one division serve eight rows.
constexpr int64_t kTogether = 8;

// y = x·rstd·gain for up to eight rows. A null gain means 1.
NANO_INLINE void NormalizeRows(const float* x, const float* gain, int64_t rows, int64_t n, float epsilon, float* y,
                               float* rstd) {
  F8 sums[8];
  for (int64_t r = 0; r < 8; ++r) {
    sums[r] = r >= rows ? Set(0) : LaneSums(n, [&](int64_t i, int64_t lanes) {
      const F8 a = LoadLanes(x + r * n + i, lanes);
      return a * a;
    });
  }
  StoreLanes(rstd, rows, Set(1.0f) / Sqrt(SumEach(sums) / Set(static_cast<float>(n)) + Set(epsilon)));
  for (int64_t r = 0; r < rows; ++r) {
    const F8 factor = Set(rstd[r]);
    if (gain == nullptr) {
      Map(x + r * n, y + r * n, n, [&](F8 a) { return a * factor; });
    } else {
      Map(x + r * n, gain, y + r * n, n, [&](F8 a, F8 g) { return a * factor * g; });
    }
  }
}

// dx = rstd·(h − z·mean(h·z)) with h = dy·gain and z = x·rstd, for up to eight rows. With a gain,
// adds to dgain.
template <bool kGain>
NANO_INLINE void RowsBackward(const float* x, const float* gain, const float* rstd, const float* dy, int64_t rows,
                              int64_t n, float* dx, float* dgain) {
  F8 sums[8];
  for (int64_t r = 0; r < 8; ++r) {
    const F8 factor = Set(r < rows ? rstd[r] : 0);
    sums[r] = r >= rows ? Set(0) : LaneSums(n, [&](int64_t i, int64_t lanes) {
      const F8 product = LoadLanes(dy + r * n + i, lanes) * (LoadLanes(x + r * n + i, lanes) * factor);
      if constexpr (!kGain) return product;
      StoreLanes(dgain + i, lanes, LoadLanes(dgain + i, lanes) + product);
      return product * LoadLanes(gain + i, lanes);
    });
  }
  float means[8];
  Store(means, SumEach(sums) / Set(static_cast<float>(n)));
  for (int64_t r = 0; r < rows; ++r) {
    const F8 factor = Set(rstd[r]), mean = Set(means[r]);
    for (int64_t i = 0; i < n; i += 8) {
      const int64_t lanes = Smaller(8, n - i);
      F8 h = LoadLanes(dy + r * n + i, lanes);
      if constexpr (kGain) h = h * LoadLanes(gain + i, lanes);
      StoreLanes(dx + r * n + i, lanes, factor * (h - LoadLanes(x + r * n + i, lanes) * factor * mean));
    }
  }
}

// Calls body(row, rows) for rows [begin, end), a few rows at a time that fit in the L1 cache.
template <class Body>
NANO_INLINE void ForFewRows(int64_t n, int64_t begin, int64_t end, const Body& body) {
  const int64_t few = Larger(1, Smaller(kTogether, 4096 / n));
  for (int64_t r = begin; r < end; r += few) body(r, Smaller(few, end - r));
}

// Rows per task: a multiple of eight, or fewer than eight.
NANO_INLINE int64_t TaskRows(int64_t n) {
  const int64_t rows = RowsInChunk(n);
  return rows < kTogether ? rows : RoundUp(rows, kTogether);
}

// Rows per block of dgain: enough that adding the blocks costs little, with at most a few hundred
// blocks.
NANO_INLINE int64_t BlockRows(int64_t rows, int64_t n) {
  const int64_t cut = Larger(2 * kTogether, Smaller(128, 8 * kChunk / n));
  return RoundUp(Larger(cut, DivideUp(rows, 256)), kTogether);
}

}  // namespace

InputError RunRmsNorm(const Call& call) {
  const float *x = call.inputs[0].f32(), *gain = call.inputs.size() > 1 ? call.inputs[1].f32() : nullptr;
  float *y = call.outputs[0].f32(), *rstd = call.outputs[1].f32();
  const int64_t rows = call.outputs[1].spec->elements(), n = call.outputs[0].spec->elements() / rows;
  const float epsilon = call.params->as<RmsNormParams>().epsilon;
  ForChunks(call.pool, rows, TaskRows(n), [&](int64_t begin, int64_t end) {
    ForFewRows(n, begin, end, [&](int64_t r, int64_t count) {
      NormalizeRows(x + r * n, gain, count, n, epsilon, y + r * n, rstd + r);
    });
  });
  return {};
}

size_t ScratchRmsNormBackward(const OpView& op, const Params&, int) {
  if (op.inputs.size() < 4) return 0;
  const int64_t rows = op.inputs[1].elements(), n = op.inputs[3].elements();
  return static_cast<size_t>(DivideUp(rows, BlockRows(rows, n)) * n) * sizeof(float);
}

InputError RunRmsNormBackward(const Call& call) {
  const float *x = call.inputs[0].f32(), *rstd = call.inputs[1].f32(), *dy = call.inputs[2].f32();
  float* dx = call.outputs[0].f32();
  const int64_t rows = call.inputs[1].spec->elements(), n = call.outputs[0].spec->elements() / rows;
  if (call.inputs.size() < 4) {
    ForChunks(call.pool, rows, TaskRows(n), [&](int64_t begin, int64_t end) {
      ForFewRows(n, begin, end, [&](int64_t r, int64_t count) {
        RowsBackward<false>(x + r * n, nullptr, rstd + r, dy + r * n, count, n, dx + r * n, nullptr);
      });
    });
    return {};
  }
  const float* gain = call.inputs[3].f32();
  float* dgain = call.outputs[1].f32();
  const int64_t block_rows = BlockRows(rows, n), blocks = DivideUp(rows, block_rows);
  float* partial = reinterpret_cast<float*>(call.scratch);  // dgain of each block
  ForChunks(call.pool, rows, block_rows, [&](int64_t begin, int64_t end) {
    float* sums = partial + begin / block_rows * n;
    std::memset(sums, 0, static_cast<size_t>(n) * sizeof(float));
    ForFewRows(n, begin, end, [&](int64_t r, int64_t count) {
      RowsBackward<true>(x + r * n, gain, rstd + r, dy + r * n, count, n, dx + r * n, sums);
    });
  });
  ForChunks(call.pool, n, RoundUp(RowsInChunk(blocks), 8), [&](int64_t begin, int64_t end) {
    std::memcpy(dgain + begin, partial + begin, static_cast<size_t>(end - begin) * sizeof(float));
    for (int64_t b = 1; b < blocks; ++b) {
      Map(dgain + begin, partial + b * n + begin, dgain + begin, end - begin, [](F8 a, F8 c) { return a + c; });
    }
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
