// The rule of accumulate (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(2, 1)) return check.status();
  const Shape& total = check.Input(0, "total", Dtype::kF32);
  check.Input(1, "x", Dtype::kF32, total);
  check.Output(0, "total", Dtype::kF32, total);
  return check.status();
}

int InPlace(const OpView&, int) { return 0; }

}  // namespace

const Rule kAccumulateRule = {Check, InPlace};

}  // namespace nano
