// The rule of fill (docs/program.md).
#include "ops/fill.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"value"});
  const double value = check.Float("value", -kInfinity, kInfinity);
  if (!check.Counts(0, 1)) return check.status();
  check.Output(0, "y", Dtype::kF32);
  params.set(FillParams{static_cast<float>(value)});
  return check.status();
}

}  // namespace

const Rule kFillRule = {"fill", Check};

}  // namespace nano
