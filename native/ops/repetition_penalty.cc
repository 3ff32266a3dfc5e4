// The rule of repetition_penalty (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(4, 1)) return check.status();
  const Shape& logits = check.Input(0, "logits", Dtype::kF32);
  const Shape& counts = check.Input(1, "counts", Dtype::kI32);
  if (!check.Rank(0, "logits", 3, 3) || !check.Rank(1, "counts", 2, 2)) return check.status();
  check.Input(1, "counts", Dtype::kI32, MakeShape({counts[0], logits[2]}));
  check.Input(2, "slot", Dtype::kI32, MakeShape({logits[0]}));
  check.Scalar(3, "penalty", Dtype::kF32);
  check.Output(0, "y", Dtype::kF32, logits);
  return check.status();
}

}  // namespace

const Rule kRepetitionPenaltyRule = {Check};

}  // namespace nano
