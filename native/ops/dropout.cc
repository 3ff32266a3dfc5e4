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
  const Shape& x = check.Input(0, "x", Dtype::kF32);
  check.Rng(1);
  check.Output(0, "y", Dtype::kF32, x);
  return check.status();
}

}  // namespace

const Rule kDropoutRule = {"dropout", Check};

}  // namespace nano
