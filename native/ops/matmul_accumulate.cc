// The rule of matmul_accumulate (docs/program.md).
#include "ops/check.h"
#include "ops/matmul.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"transpose_a", "transpose_b"});
  if (!check.Counts(3, 1)) return check.status();
  params.set(CheckMatmul(check, 1, op.outputs[0]));
  check.Input(0, "total", Dtype::kF32, op.outputs[0].shape);
  return check.status();
}

int InPlace(const OpView&, int) { return 0; }

}  // namespace

const Rule kMatmulAccumulateRule = {Check, InPlace};

}  // namespace nano
