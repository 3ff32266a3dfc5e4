// The rule of sum_leading (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({"rank"});
  if (!check.Counts(1, 1)) return check.status();
  const Shape& x = check.FloatInput(0, "x");
  const int rank = static_cast<int>(check.Int("rank", 0, x.rank));
  check.Output(0, "y", Dtype::kF32, LastDims(x, rank));
  return check.status();
}

}  // namespace

const Rule kSumLeadingRule = {Check};

}  // namespace nano
