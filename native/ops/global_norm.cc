// The rule of global_norm (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (op.inputs.empty()) check.Fail("has no inputs; it takes one or more");
  if (!check.Counts(op.inputs.size(), 1)) return check.status();
  for (size_t i = 0; i < op.inputs.size(); ++i) check.Input(i, "x", Dtype::kF32);
  check.Output(0, "norm", Dtype::kF32, Shape{});
  return check.status();
}

}  // namespace

const Rule kGlobalNormRule = {Check};

}  // namespace nano
