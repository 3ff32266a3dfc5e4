// The rules of gelu and gelu_backward (docs/program.md).
#include "ops/gelu.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status CheckForward(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"tanh"});
  params.set(GeluParams{check.Bool("tanh")});
  if (!check.Counts(1, 1)) return check.status();
  check.Output(0, "y", Dtype::kF32, check.Input(0, "x", Dtype::kF32));
  return check.status();
}

Status CheckBackward(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"tanh"});
  params.set(GeluParams{check.Bool("tanh")});
  if (!check.Counts(2, 1)) return check.status();
  const Shape& x = check.Input(0, "x", Dtype::kF32);
  check.Input(1, "dy", Dtype::kF32, x);
  check.Output(0, "dx", Dtype::kF32, x);
  return check.status();
}

}  // namespace

const Rule kGeluRule = {"gelu", CheckForward};
const Rule kGeluBackwardRule = {"gelu_backward", CheckBackward};

}  // namespace nano
