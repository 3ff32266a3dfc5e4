// The rule of embedding_accumulate (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(3, 1)) return check.status();
  const Shape& total = check.Input(0, "total", Dtype::kF32);
  const Shape& dy = check.Input(2, "dy", Dtype::kF32);
  if (!check.Rank(0, "total", 2, 2) || !check.Rank(2, "dy", 1)) return check.status();
  check.Input(1, "tokens", Dtype::kI32, LeadingDims(dy));
  check.Input(2, "dy", Dtype::kF32, WithLast(dy, total[1]));
  check.Output(0, "total", Dtype::kF32, total);
  return check.status();
}

int InPlace(const OpView&, int) { return 0; }

}  // namespace

const Rule kEmbeddingAccumulateRule = {Check, InPlace};

}  // namespace nano
