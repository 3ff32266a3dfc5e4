// ema: average + (1 − decay)·(parameter − average), in one pass over all tensors.
#include "cpu/finite.h"
#include "cpu/kernels.h"
#include "cpu/many.h"

namespace nano::cpu::NANO_ISA {
InputError RunEma(const Call& call) {
  const F8 rest = Set(static_cast<float>(1 - static_cast<double>(*call.inputs[0].f32())));
  const Tensor* parameters = &call.inputs[1 + call.outputs.size()];
  FiniteFlags flags;
  ForTasks(call.pool, TotalElements(call.outputs), kChunk, [&](int64_t first, int64_t last, int worker) {
    ForPieces(call.outputs, first, last, [&](size_t i, int64_t begin, int64_t end) {
      float* average = call.outputs[i].f32() + begin;
      flags.Note(worker, MapFinite(average, parameters[i].f32() + begin, average, end - begin,
                                   [&](F8 a, F8 p) { return a + rest * (p - a); }));
    });
  });
  return flags.Report(call.outputs);
}

}  // namespace nano::cpu::NANO_ISA
