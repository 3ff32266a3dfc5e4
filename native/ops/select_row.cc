// The rule of select_row (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(2, 1)) return check.status();
  const Shape& x = check.Input(0, "x", Dtype::kF32);
  if (!check.Rank(0, "x", 3, 3)) return check.status();
  check.Scalar(1, "row", Dtype::kI32);
  check.Output(0, "y", Dtype::kF32, MakeShape({x[0], 1, x[2]}));
  return check.status();
}

}  // namespace

const Rule kSelectRowRule = {Check};

}  // namespace nano
