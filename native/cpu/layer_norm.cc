// layer_norm and its gradient. dgain and dbias are summed separately for each block of rows, and
// the blocks are added in order.
#include "ops/layer_norm.h"

#include <cstring>

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
namespace {

struct Row {
  float mean, rstd;
};

NANO_INLINE Row NormalizeRow(const float* x, const float* gain, const float* bias, int64_t n, float epsilon, float* y) {
  const float count = static_cast<float>(n);
  const float mean = SumOver(n, [&](int64_t i, int64_t lanes) { return LoadLanes(x + i, lanes); }) / count;
  const F8 center = Set(mean);
  const float squares = SumOver(n, [&](int64_t i, int64_t lanes) {
    const F8 d = KeepLanes(LoadLanes(x + i, lanes) - center, lanes);
    return d * d;
  });
  const float rstd = 1.0f / sqrtf(squares / count + epsilon);
  const F8 factor = Set(rstd);
  for (int64_t i = 0; i < n; i += 8) {
    const int64_t lanes = Smaller(8, n - i);
    const F8 z = (LoadLanes(x + i, lanes) - center) * factor;
    StoreLanes(y + i, lanes, MulAdd(z, LoadLanes(gain + i, lanes), LoadLanes(bias + i, lanes)));
  }
  return {mean, rstd};
}

// dx = rstd·(g − mean(g) − z·mean(g·z)) with g = dy·gain and z = (x − mean)·rstd. Adds to dgain and
// dbias.
NANO_INLINE void RowBackward(const float* x, const float* gain, const float* dy, int64_t n, Row row, float* dx,
                             float* dgain, float* dbias) {
  const F8 mean = Set(row.mean), rstd = Set(row.rstd);
  F8 sums = Set(0), products = Set(0);
  for (int64_t i = 0; i < n; i += 8) {
    const int64_t lanes = Smaller(8, n - i);
    const F8 z = KeepLanes((LoadLanes(x + i, lanes) - mean) * rstd, lanes), d = LoadLanes(dy + i, lanes);
    const F8 g = d * LoadLanes(gain + i, lanes);
    sums = sums + g;
    products = MulAdd(g, z, products);
    StoreLanes(dgain + i, lanes, MulAdd(d, z, LoadLanes(dgain + i, lanes)));
    StoreLanes(dbias + i, lanes, LoadLanes(dbias + i, lanes) + d);
  }
  const float count = static_cast<float>(n);
  const F8 mean_g = Set(Sum(sums) / count), mean_gz = Set(Sum(products) / count);
  for (int64_t i = 0; i < n; i += 8) {
    const int64_t lanes = Smaller(8, n - i);
    const F8 z = (LoadLanes(x + i, lanes) - mean) * rstd;
    const F8 g = LoadLanes(dy + i, lanes) * LoadLanes(gain + i, lanes);
    StoreLanes(dx + i, lanes, rstd * (g - mean_g - z * mean_gz));
  }
}

NANO_INLINE int64_t BlockRows(int64_t channels) { return Larger(16, Smaller(128, 8 * kChunk / channels)); }

}  // namespace

InputError RunLayerNorm(const Call& call) {
  const float *x = call.inputs[0].f32(), *gain = call.inputs[1].f32(), *bias = call.inputs[2].f32();
  float *y = call.outputs[0].f32(), *mean = call.outputs[1].f32(), *rstd = call.outputs[2].f32();
  const int64_t channels = call.inputs[1].spec->elements(), rows = call.outputs[1].spec->elements();
  const float epsilon = call.params->as<LayerNormParams>().epsilon;
  ForChunks(call.pool, rows, RowsInChunk(channels, kSlowChunk), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const Row row = NormalizeRow(x + r * channels, gain, bias, channels, epsilon, y + r * channels);
      mean[r] = row.mean;
      rstd[r] = row.rstd;
    }
  });
  return {};
}

size_t ScratchLayerNormBackward(const OpView& op, const Params&, int) {
  const int64_t channels = op.inputs[1].elements(), rows = op.inputs[2].elements();
  return static_cast<size_t>(DivideUp(rows, BlockRows(channels)) * 2 * channels) * sizeof(float);
}

InputError RunLayerNormBackward(const Call& call) {
  const float *x = call.inputs[0].f32(), *gain = call.inputs[1].f32();
  const float *mean = call.inputs[2].f32(), *rstd = call.inputs[3].f32(), *dy = call.inputs[4].f32();
  float *dx = call.outputs[0].f32(), *dgain = call.outputs[1].f32(), *dbias = call.outputs[2].f32();
  const int64_t channels = call.inputs[1].spec->elements(), rows = call.inputs[2].spec->elements();
  const int64_t block_rows = BlockRows(channels), blocks = DivideUp(rows, block_rows);
  float* partial = reinterpret_cast<float*>(call.scratch);  // dgain and dbias of each block
  ForChunks(call.pool, rows, block_rows, [&](int64_t begin, int64_t end) {
    float* gains = partial + begin / block_rows * 2 * channels;
    std::memset(gains, 0, static_cast<size_t>(2 * channels) * sizeof(float));
    for (int64_t r = begin; r < end; ++r) {
      RowBackward(x + r * channels, gain, dy + r * channels, channels, {mean[r], rstd[r]}, dx + r * channels, gains,
                  gains + channels);
    }
  });
  ForChunks(call.pool, channels, RowsInChunk(blocks), [&](int64_t begin, int64_t end) {
    const size_t bytes = static_cast<size_t>(end - begin) * sizeof(float);
    std::memcpy(dgain + begin, partial + begin, bytes);
    std::memcpy(dbias + begin, partial + channels + begin, bytes);
    for (int64_t b = 1; b < blocks; ++b) {
      const float* gains = partial + b * 2 * channels + begin;
      const auto add = [](F8 a, F8 c) { return a + c; };
      Map(dgain + begin, gains, dgain + begin, end - begin, add);
      Map(dbias + begin, gains + channels, dbias + begin, end - begin, add);
    }
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
