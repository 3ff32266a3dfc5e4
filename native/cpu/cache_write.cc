// cache_write: puts new rows into a cache.
#include <cstring>

#include "cpu/errors.h"
#include "cpu/kernels.h"

namespace nano::cpu::NANO_ISA {
Status RunCacheWrite(const Call& call) {
  const Shape &cache = call.inputs[0].spec->shape, &x = call.inputs[1].spec->shape;
  const int64_t start = *call.inputs[2].i32(), last = cache.dims[1] - x.dims[1];
  if (start < 0 || start > last) return OutOfRange("cache_write", "start", start, 0, last);
  const int64_t channels = x.dims[2], row = x.dims[1] * channels;
  for (int64_t b = 0; b < x.dims[0]; ++b) {
    std::memcpy(call.outputs[0].f32() + (b * cache.dims[1] + start) * channels, call.inputs[1].f32() + b * row,
                static_cast<size_t>(row) * sizeof(float));
  }
  return Status();
}

}  // namespace nano::cpu::NANO_ISA
