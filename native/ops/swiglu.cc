// The rules of swiglu and swiglu_backward (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status CheckForward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(2, 1)) return check.status();
  const Shape& gate = check.Input(0, "gate", Dtype::kF32);
  check.Input(1, "up", Dtype::kF32, gate);
  check.Output(0, "y", Dtype::kF32, gate);
  return check.status();
}

Status CheckBackward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(3, 2)) return check.status();
  const Shape& gate = check.Input(0, "gate", Dtype::kF32);
  check.Input(1, "up", Dtype::kF32, gate);
  check.Input(2, "dy", Dtype::kF32, gate);
  check.Output(0, "dgate", Dtype::kF32, gate);
  check.Output(1, "dup", Dtype::kF32, gate);
  return check.status();
}

}  // namespace

const Rule kSwigluRule = {"swiglu", CheckForward};
const Rule kSwigluBackwardRule = {"swiglu_backward", CheckBackward};

}  // namespace nano
