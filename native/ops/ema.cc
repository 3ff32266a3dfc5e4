// The rule of ema (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  const size_t n = check.Groups(1, 2);
  if (n == 0 || !check.Counts(1 + 2 * n, n)) return check.status();
  check.Scalar(0, "decay", Dtype::kF32);
  for (size_t i = 0; i < n && check.ok(); ++i) {
    const Shape& shape = check.Input(1 + i, "average", Dtype::kF32);
    check.Input(1 + n + i, "parameter", Dtype::kF32, shape);
    check.Output(i, "average", Dtype::kF32, shape);
  }
  return check.status();
}

int InPlace(const OpView&, int output) { return 1 + output; }

}  // namespace

const Rule kEmaRule = {Check, InPlace};

}  // namespace nano
