// The rule of linear (docs/program.md).
#include "ops/linear.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"relu"});
  const bool relu = check.Bool("relu");
  if (!check.Counts(3, 1)) return check.status();
  const Shape& x = check.FloatInput(0, "x");
  const Dtype dtype = check.DtypeOf(0);
  const Shape& weight = check.Input(1, "weight", dtype);
  if (!check.Rank(0, "x", 1) || !check.Rank(1, "weight", 2, 2)) return check.status();
  check.Input(1, "weight", dtype, MakeShape({weight[0], x.last()}));
  check.Input(2, "bias", Dtype::kF32, MakeShape({weight[0]}));
  const Shape y = WithLast(x, weight[0]);
  if (dtype == Dtype::kBf16) {
    check.FloatOutput(0, "y", y);
  } else {
    check.Output(0, "y", Dtype::kF32, y);
  }
  params.set(LinearParams{relu});
  return check.status();
}

}  // namespace

const Rule kLinearRule = {Check};

}  // namespace nano
