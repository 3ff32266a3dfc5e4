// The rules of relu and relu_backward (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status CheckForward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(1, 1)) return check.status();
  check.Output(0, "y", Dtype::kF32, check.Input(0, "x", Dtype::kF32));
  return check.status();
}

Status CheckBackward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(2, 1)) return check.status();
  const Shape& y = check.Input(0, "y", Dtype::kF32);
  check.Input(1, "dy", Dtype::kF32, y);
  check.Output(0, "dx", Dtype::kF32, y);
  return check.status();
}

}  // namespace

const Rule kReluRule = {"relu", CheckForward};
const Rule kReluBackwardRule = {"relu_backward", CheckBackward};

}  // namespace nano
