// cross_entropy and its gradient.
#include "cpu/kernels.h"
#include "cpu/loops.h"
#include "cpu/tokens.h"
#include "ops/math.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
namespace {

struct RowLoss {
  double loss;
  float lse;
};

RowLoss LossOfRow(const float* logits, int64_t n, int64_t target) {
  F8 largest = Set(-kFloatInfinity);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) largest = Max(Load(logits + i), largest);
  if (i < n) largest = Max(FirstElse(n - i, LoadSome(logits + i, n - i), Set(-kFloatInfinity)), largest);
  const float top = Largest(largest);
  // If all logits are −Infinity, nothing is subtracted. A NaN propagates through the sum.
  const F8 shift = Set(top == -kFloatInfinity ? 0.0f : top);
  const float sum =
      SumOver(n, [&](int64_t j, int64_t lanes) { return KeepLanes(Exp(LoadLanes(logits + j, lanes) - shift), lanes); });
  const double lse = static_cast<double>(FirstLane(shift)) + nano::Log(sum);
  return {lse - logits[target], static_cast<float>(lse)};
}

NANO_INLINE const int32_t* Targets(const Call& call) { return call.inputs[1].i32(); }

}  // namespace

size_t ScratchCrossEntropy(const OpView& op, const Params&, int) {
  const int64_t rows = op.inputs[1].elements();
  return static_cast<size_t>(DivideUp(rows, RowsInChunk(op.inputs[0].elements() / rows, kSlowChunk))) * sizeof(double);
}

InputError RunCrossEntropy(const Call& call) {
  const float* logits = call.inputs[0].f32();
  const int32_t* targets = Targets(call);
  float* lse = call.outputs[1].f32();
  const int64_t rows = call.inputs[1].spec->elements(), vocabulary = call.inputs[0].spec->elements() / rows;
  if (const int64_t bad = FirstOutside(targets, rows, vocabulary); bad >= 0) {
    return ValidateRange(kCrossEntropyTargets, InputError::kTarget, bad, targets[bad], 0, vocabulary - 1);
  }
  double* partial = reinterpret_cast<double*>(call.scratch);
  const int64_t chunk = RowsInChunk(vocabulary, kSlowChunk);
  ForChunks(call.pool, rows, chunk, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t r = begin; r < end; ++r) {
      const RowLoss row = LossOfRow(logits + r * vocabulary, vocabulary, targets[r]);
      lse[r] = row.lse;
      sum += row.loss;
    }
    partial[begin / chunk] = sum;
  });
  double total = 0;
  for (int64_t i = 0; i < DivideUp(rows, chunk); ++i) total += partial[i];
  *call.outputs[0].f32() = static_cast<float>(total / static_cast<double>(rows));
  return {};
}

InputError RunCrossEntropyBackward(const Call& call) {
  const float *logits = call.inputs[0].f32(), *lse = call.inputs[2].f32();
  const int32_t* targets = Targets(call);
  float* dlogits = call.outputs[0].f32();
  const int64_t rows = call.inputs[1].spec->elements(), vocabulary = call.inputs[0].spec->elements() / rows;
  if (const int64_t bad = FirstOutside(targets, rows, vocabulary); bad >= 0) {
    return ValidateRange(kCrossEntropyTargets, InputError::kTarget, bad, targets[bad], 0, vocabulary - 1);
  }
  const float factor = *call.inputs[3].f32() / static_cast<float>(rows);
  ForChunks(call.pool, rows, RowsInChunk(vocabulary, kSlowChunk), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* row = logits + r * vocabulary;
      float* to = dlogits + r * vocabulary;
      const F8 shift = Set(lse[r]), scale = Set(factor);
      Map(row, to, vocabulary, [&](F8 x) { return Exp(x - shift) * scale; });
      const F8 probability = Exp(Set(row[targets[r]] - lse[r]));
      to[targets[r]] = FirstLane((probability - Set(1)) * scale);
    }
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
