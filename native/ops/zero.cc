// The rule of zero (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (op.inputs.empty()) check.Fail("has no inputs; it takes one or more");
  if (!check.Counts(op.inputs.size(), op.inputs.size())) return check.status();
  for (size_t i = 0; i < op.inputs.size(); ++i) check.Output(i, "x", op.inputs[i].dtype, op.inputs[i].shape);
  return check.status();
}

int InPlace(const OpView&, int output) { return output; }

}  // namespace

const Rule kZeroRule = {Check, InPlace};

}  // namespace nano
