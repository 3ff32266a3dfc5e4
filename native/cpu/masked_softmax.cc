// masked_softmax and its gradient, row by row over the visible columns. The other columns are not
// read.
#include "ops/masked_softmax.h"

#include <cstring>

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
namespace {

NANO_INLINE float LargestOf(const float* x, int64_t n) {
  const F8 least = Set(-kFloatInfinity);
  F8 largest = least;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) largest = Max(Load(x + i), largest);
  if (i < n) largest = Max(FirstElse(n - i, LoadSome(x + i, n - i), least), largest);
  return Largest(largest);
}

// Subtracts the maximum before scaling, so that the difference stays accurate however large both
// are. The maximum may ignore a NaN, which still propagates through the sum.
NANO_INLINE void SoftmaxOf(const float* x, int64_t n, float scale, float* y) {
  const F8 top = Set(LargestOf(x, n)), factor = Set(scale);
  const float sum = SumOver(n, [&](int64_t i, int64_t lanes) {
    const F8 e = KeepLanes(Exp((LoadLanes(x + i, lanes) - top) * factor), lanes);
    StoreLanes(y + i, lanes, e);
    return e;
  });
  const F8 share = Set(1.0f / sum);
  Map(y, y, n, [&](F8 e) { return e * share; });
}

NANO_INLINE void GradientOf(const float* y, const float* dy, int64_t n, float scale, float* dx) {
  const F8 sum =
      Set(SumOver(n, [&](int64_t i, int64_t lanes) { return LoadLanes(y + i, lanes) * LoadLanes(dy + i, lanes); }));
  const F8 factor = Set(scale);
  Map(y, dy, dx, n, [&](F8 p, F8 d) { return factor * p * (d - sum); });
}

// Calls body(offset, visible) for every row of `y` and sets the other columns to 0.
template <class Body>
NANO_INLINE void ForRows(const Call& call, const Body& body) {
  const Shape& shape = call.outputs[0].spec->shape;
  const int64_t columns = shape.dims[shape.rank - 1], rows = shape.dims[shape.rank - 2];
  float* y = call.outputs[0].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements() / columns, RowsInChunk(columns),
            [&](int64_t begin, int64_t end) {
              for (int64_t r = begin; r < end; ++r) {
                const int64_t visible = r % rows + 1 + columns - rows;
                body(r * columns, visible);
                std::memset(y + r * columns + visible, 0, static_cast<size_t>(columns - visible) * sizeof(float));
              }
            });
}

}  // namespace

InputError RunMaskedSoftmax(const Call& call) {
  const float* x = call.inputs[0].f32();
  float* y = call.outputs[0].f32();
  const float scale = call.params->as<MaskedSoftmaxParams>().scale;
  ForRows(call, [&](int64_t at, int64_t visible) { SoftmaxOf(x + at, visible, scale, y + at); });
  return {};
}

InputError RunMaskedSoftmaxBackward(const Call& call) {
  const float *y = call.inputs[0].f32(), *dy = call.inputs[1].f32();
  float* dx = call.outputs[0].f32();
  const float scale = call.params->as<MaskedSoftmaxParams>().scale;
  ForRows(call, [&](int64_t at, int64_t visible) { GradientOf(y + at, dy + at, visible, scale, dx + at); });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
