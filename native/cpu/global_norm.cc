// global_norm: the square root of the sum of all squares, in double. Each chunk is summed
// separately, and the chunks are added in order.
#include "cpu/kernels.h"
#include "cpu/many.h"
#include "cpu/squares.h"

namespace nano::cpu::NANO_ISA {
size_t ScratchGlobalNorm(const OpView& op, const Params&, int) {
  int64_t total = 0;
  for (size_t i = 0; i < op.inputs.size(); ++i) total += op.inputs[i].elements();
  return static_cast<size_t>(DivideUp(total, kChunk)) * sizeof(double);
}

InputError RunGlobalNorm(const Call& call) {
  const int64_t total = TotalElements(call.inputs);
  double* partial = reinterpret_cast<double*>(call.scratch);
  ForChunks(call.pool, total, kChunk, [&](int64_t first, int64_t last) {
    double sum = 0;
    ForPieces(call.inputs, first, last, [&](size_t i, int64_t begin, int64_t end) {
      sum += SumOfSquares(call.inputs[i].f32() + begin, end - begin);
    });
    partial[first / kChunk] = sum;
  });
  double sum = 0;
  for (int64_t i = 0; i < DivideUp(total, kChunk); ++i) sum += partial[i];
  *call.outputs[0].f32() = static_cast<float>(sqrt(sum));
  return {};
}

}  // namespace nano::cpu::NANO_ISA
