// The rules of cross_entropy and cross_entropy_backward (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status CheckForward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(2, 2)) return check.status();
  const Shape& logits = check.Input(0, "logits", Dtype::kF32);
  if (!check.Rank(0, "logits", 1)) return check.status();
  check.Input(1, "targets", Dtype::kI32, LeadingDims(logits));
  check.Output(0, "loss", Dtype::kF32, Shape{});
  check.Output(1, "lse", Dtype::kF32, LeadingDims(logits));
  return check.status();
}

Status CheckBackward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(4, 1)) return check.status();
  const Shape& logits = check.Input(0, "logits", Dtype::kF32);
  if (!check.Rank(0, "logits", 1)) return check.status();
  check.Input(1, "targets", Dtype::kI32, LeadingDims(logits));
  check.Input(2, "lse", Dtype::kF32, LeadingDims(logits));
  check.Scalar(3, "dloss", Dtype::kF32);
  check.FloatOutput(0, "dlogits", logits);
  return check.status();
}

}  // namespace

const Rule kCrossEntropyRule = {CheckForward};
const Rule kCrossEntropyBackwardRule = {CheckBackward};

}  // namespace nano
