// The rule of sgd (docs/program.md).
#include "ops/sgd.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"momentum", "nesterov", "weight_decay"});
  const double momentum = check.Probability("momentum"), weight_decay = check.Float("weight_decay", 0, 3e38);
  params.set(SgdParams{static_cast<float>(momentum), static_cast<float>(weight_decay), check.Bool("nesterov")});
  const size_t n = check.Groups(2, 3);
  if (n == 0 || !check.Counts(2 + 3 * n, 2 * n)) return check.status();
  check.Scalar(0, "learning_rate", Dtype::kF32);
  check.Scalar(1, "scale", Dtype::kF32);
  for (size_t i = 0; i < n && check.ok(); ++i) {
    const Shape& shape = check.Input(2 + i, "parameter", Dtype::kF32);
    check.Input(2 + n + i, "gradient", Dtype::kF32, shape);
    check.Input(2 + 2 * n + i, "m", Dtype::kF32, shape);
    check.Output(i, "parameter", Dtype::kF32, shape);
    check.Output(n + i, "m", Dtype::kF32, shape);
  }
  return check.status();
}

// Outputs: n parameters, n m. Inputs: 2 scalars, n parameters, n gradients, n m.
int InPlace(const OpView& op, int output) {
  const int n = static_cast<int>((op.inputs.size() - 2) / 3);
  return output < n ? 2 + output : 2 + n + output;
}

}  // namespace

const Rule kSgdRule = {Check, InPlace};

}  // namespace nano
