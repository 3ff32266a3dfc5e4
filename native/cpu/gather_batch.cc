// gather_batch: copies windows of the corpus, and the same windows shifted by one token as targets.
#include "cpu/kernels.h"
#include "cpu/loops.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
namespace {

template <class T>
void Gather(const T* corpus, const uint32_t* offsets, int64_t length, int64_t begin, int64_t end, int32_t* tokens,
            int32_t* targets) {
  for (int64_t b = begin; b < end; ++b) {
    const T* window = corpus + offsets[b];
    for (int64_t t = 0; t < length; ++t) {
      tokens[b * length + t] = static_cast<int32_t>(window[t]);
      targets[b * length + t] = static_cast<int32_t>(window[t + 1]);
    }
  }
}

}  // namespace

InputError RunGatherBatch(const Call& call) {
  const Tensor &corpus = call.inputs[0], &tokens = call.outputs[0], &targets = call.outputs[1];
  const uint32_t* offsets = call.inputs[1].u32();
  const int64_t size = corpus.spec->elements(), length = tokens.spec->shape.dims[1];
  const int64_t batch = tokens.spec->shape.dims[0];
  for (int64_t b = 0; b < batch; ++b) {
    if (offsets[b] + length >= size) {
      return ValidateRange(kGatherBatchOffsets, InputError::kOffset, b, offsets[b], 0, size - length - 1);
    }
  }
  ForChunks(call.pool, batch, RowsInChunk(length), [&](int64_t begin, int64_t end) {
    if (corpus.spec->dtype == Dtype::kU8) {
      Gather(corpus.u8(), offsets, length, begin, end, tokens.i32(), targets.i32());
    } else if (corpus.spec->dtype == Dtype::kU16) {
      Gather(corpus.u16(), offsets, length, begin, end, tokens.i32(), targets.i32());
    } else {
      Gather(corpus.u32(), offsets, length, begin, end, tokens.i32(), targets.i32());
    }
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
