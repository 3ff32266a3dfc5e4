// The rule of require_finite (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(1, 1)) return check.status();
  check.Scalar(0, "x", Dtype::kF32);
  check.Output(0, "y", Dtype::kF32, Shape{});
  return check.status();
}

}  // namespace

const Rule kRequireFiniteRule = {Check};

}  // namespace nano
