// embedding_accumulate: adds dy to the rows of its tokens.
#include "cpu/kernels.h"
#include "cpu/loops.h"
#include "cpu/tokens.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
namespace {

// A task adds a range of columns of all tokens, in order.
constexpr int64_t kTableColumns = 64;

}  // namespace

InputError RunEmbeddingAccumulate(const Call& call) {
  const int64_t vocabulary = call.outputs[0].spec->shape.dims[0], channels = call.outputs[0].spec->shape.dims[1];
  const int32_t* tokens = call.inputs[1].i32();
  const int64_t count = call.inputs[1].spec->elements();
  if (const int64_t bad = FirstOutside(tokens, count, vocabulary); bad >= 0) {
    return ValidateRange(kEmbeddingAccumulateTokens, InputError::kToken, bad, tokens[bad], 0, vocabulary - 1);
  }
  const float* dy = call.inputs[2].f32();
  float* total = call.outputs[0].f32();
  ForChunks(call.pool, channels, kTableColumns, [&](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < count; ++i) {
      float* row = total + tokens[i] * channels + begin;
      Map(row, dy + i * channels + begin, row, end - begin, [](F8 a, F8 b) { return a + b; });
    }
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
