// slice_positions and concat_positions: copy positions of each sequence.
#include "ops/slice_positions.h"

#include <cstring>

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
namespace {

// Calls copy(whole, part, bytes) for every position of `part`. It is position `begin` + t of the same
// sequence of `whole`.
template <class Copy>
void ForPositions(const Call& call, const Tensor& whole, const Tensor& part, int64_t begin, const Copy& copy) {
  const Shape& shape = part.spec->shape;
  const int64_t length = whole.spec->shape[1], count = shape[1], size = call.params->as<SlicePositionsParams>().size;
  ForChunks(call.pool, shape[0] * count, RowsInChunk(size, 4 * kChunk), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const int64_t b = row / count, t = row - b * count;
      copy(whole.f32() + (b * length + begin + t) * size, part.f32() + row * size,
           static_cast<size_t>(size) * sizeof(float));
    }
  });
}

}  // namespace

InputError RunSlicePositions(const Call& call) {
  ForPositions(call, call.inputs[0], call.outputs[0], call.params->as<SlicePositionsParams>().begin,
               [](const float* whole, float* part, size_t bytes) { std::memcpy(part, whole, bytes); });
  return {};
}

InputError RunConcatPositions(const Call& call) {
  int64_t begin = 0;
  for (const Tensor& x : call.inputs) {
    ForPositions(call, call.outputs[0], x, begin,
                 [](float* whole, const float* part, size_t bytes) { std::memcpy(whole, part, bytes); });
    begin += x.spec->shape[1];
  }
  return {};
}

}  // namespace nano::cpu::NANO_ISA
