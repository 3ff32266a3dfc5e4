// The rule of muon (docs/program.md).
#include "ops/muon.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"iterations", "weight_decay"});
  const int64_t iterations = check.Int("iterations", 1, MuonParams::kMostIterations);
  params.set(MuonParams{iterations, check.Float("weight_decay", 0, 3e38)});
  const size_t n = check.Groups(3, 3);
  if (n == 0 || !check.Counts(3 + 3 * n, 2 * n)) return check.status();
  check.Scalar(0, "learning_rate", Dtype::kF32);
  check.Scalar(1, "momentum", Dtype::kF32);
  check.Scalar(2, "scale", Dtype::kF32);
  for (size_t i = 0; i < n && check.Rank(3 + i, "parameter", 2, 2); ++i) {
    const Shape& shape = check.Input(3 + i, "parameter", Dtype::kF32);
    check.Input(3 + n + i, "gradient", Dtype::kF32, shape);
    check.Input(3 + 2 * n + i, "m", Dtype::kF32, shape);
    check.Output(i, "parameter", Dtype::kF32, shape);
    check.Output(n + i, "m", Dtype::kF32, shape);
  }
  return check.status();
}

// Outputs: n parameters, n m. Inputs: 3 scalars, n parameters, n gradients, n m.
int InPlace(const OpView& op, int output) {
  const int n = static_cast<int>((op.inputs.size() - 3) / 3);
  return output < n ? 3 + output : 3 + n + output;
}

}  // namespace

const Rule kMuonRule = {Check, InPlace};

}  // namespace nano
