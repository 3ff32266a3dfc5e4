// The rule of adamw (docs/program.md).
#include "ops/adamw.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"beta1", "beta2", "epsilon", "weight_decay"});
  const double beta1 = check.Probability("beta1"), beta2 = check.Probability("beta2");
  params.set(AdamwParams{beta1, beta2, check.Float("epsilon", 0, 3e38), check.Float("weight_decay", 0, 3e38)});
  const size_t n = check.Groups(3, 4);
  if (n == 0 || !check.Counts(3 + 4 * n, 3 * n)) return check.status();
  check.Scalar(0, "step", Dtype::kI32);
  check.Scalar(1, "learning_rate", Dtype::kF32);
  check.Scalar(2, "scale", Dtype::kF32);
  for (size_t i = 0; i < n && check.ok(); ++i) {
    const Shape& shape = check.Input(3 + i, "parameter", Dtype::kF32);
    check.Input(3 + n + i, "gradient", Dtype::kF32, shape);
    check.Input(3 + 2 * n + i, "m", Dtype::kF32, shape);
    check.Input(3 + 3 * n + i, "v", Dtype::kF32, shape);
    check.Output(i, "parameter", Dtype::kF32, shape);
    check.Output(n + i, "m", Dtype::kF32, shape);
    check.Output(2 * n + i, "v", Dtype::kF32, shape);
  }
  return check.status();
}

// Outputs: n parameters, n m, n v. Inputs: 3 scalars, n parameters, n gradients, n m, n v.
int InPlace(const OpView& op, int output) {
  const int n = static_cast<int>((op.inputs.size() - 3) / 4);
  return output < n ? 3 + output : 3 + n + output;
}

}  // namespace

const Rule kAdamwRule = {Check, InPlace};

}  // namespace nano
