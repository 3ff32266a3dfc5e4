// copy: y = x for any dtype.
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
InputError RunCopy(const Call& call) {
  const char* x = static_cast<const char*>(call.inputs[0].data);
  char* y = static_cast<char*>(call.outputs[0].data);
  ForChunks(call.pool, static_cast<int64_t>(call.outputs[0].spec->bytes()), 16 * kChunk,
            [&](int64_t begin, int64_t end) { std::memcpy(y + begin, x + begin, static_cast<size_t>(end - begin)); });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
