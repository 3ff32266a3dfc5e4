// The rule of dropout (docs/program.md).
#include "ops/dropout.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"p", "site"});
  params.set(DropoutParams{check.Probability("p"), check.Site()});
  if (!check.Counts(2, 1)) return check.status();
  const Shape& x = check.FloatInput(0, "x");
  check.Rng(1);
  check.FloatOutput(0, "y", x);
  return check.status();
}

}  // namespace

const Rule kDropoutRule = {.check = Check, .elementwise = true};

}  // namespace nano
