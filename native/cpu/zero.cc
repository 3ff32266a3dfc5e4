// zero: sets any number of tensors to 0.
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/many.h"

namespace nano::cpu::NANO_ISA {
InputError RunZero(const Call& call) {
  ForChunks(call.pool, TotalElements(call.outputs), 4 * kChunk, [&](int64_t first, int64_t last) {
    ForPieces(call.outputs, first, last, [&](size_t i, int64_t begin, int64_t end) {
      const Tensor& x = call.outputs[i];
      const size_t size = x.spec->bytes() / static_cast<size_t>(x.spec->elements());
      std::memset(static_cast<char*>(x.data) + static_cast<size_t>(begin) * size, 0,
                  static_cast<size_t>(end - begin) * size);
    });
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
