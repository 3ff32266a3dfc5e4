// The rule of add (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(2, 1)) return check.status();
  const Shape& a = check.Input(0, "a", Dtype::kF32);
  const Shape& b = check.Input(1, "b", Dtype::kF32);
  if (b.rank > a.rank || !(b == LastDims(a, b.rank))) {
    check.Fail("b is " + b.ToString() + ", it must be the last dimensions of a " + a.ToString());
  }
  check.Output(0, "y", Dtype::kF32, a);
  return check.status();
}

}  // namespace

const Rule kAddRule = {"add", Check};

}  // namespace nano
