// The rule of dropout_add (docs/program.md).
#include "ops/check.h"
#include "ops/dropout.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"p", "site"});
  params.set(DropoutParams{check.Probability("p"), check.Site()});
  if (!check.Counts(3, 1)) return check.status();
  const Shape& x = check.Input(0, "x", Dtype::kF32);
  check.Rng(1);
  check.Input(2, "residual", Dtype::kF32, x);
  check.Output(0, "y", Dtype::kF32, x);
  return check.status();
}

}  // namespace

const Rule kDropoutAddRule = {"dropout_add", Check};

}  // namespace nano
