// The rule of add (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(2, 1)) return check.status();
  const Shape& a = check.FloatInput(0, "a");
  const Shape& b = check.FloatInput(1, "b");
  if (b.rank > a.rank || !(b == LastDims(a, b.rank))) {
    check.Fail("b is " + b.ToString() + ", it must be the last dimensions of a " + a.ToString());
  }
  check.Output(0, "y", Dtype::kF32, a);
  return check.status();
}

}  // namespace

const Rule kAddRule = {.check = Check, .elementwise = true};

}  // namespace nano
