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
  const Shape& x = check.FloatInput(0, "x");
  check.Rng(1);
  check.FloatInput(2, "residual", x);
  check.Output(0, "y", Dtype::kF32, x);
  return check.status();
}

}  // namespace

const Rule kDropoutAddRule = {.check = Check, .elementwise = true};

}  // namespace nano
