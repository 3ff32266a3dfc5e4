// tril_mean: row t is 1 / (t + 1) up to column t, and 0 after it.
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
InputError RunTrilMean(const Call& call) {
  float* y = call.outputs[0].f32();
  const int64_t length = call.outputs[0].spec->shape.dims[0];
  ForChunks(call.pool, length, RowsInChunk(length), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* row = y + t * length;
      const int64_t past = t + 1;
      const float share = 1.0f / static_cast<float>(past);
      for (int64_t j = 0; j < past; ++j) row[j] = share;
      std::memset(row + past, 0, static_cast<size_t>(length - past) * sizeof(float));
    }
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
