// The rule of copy (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(1, 1)) return check.status();
  check.Output(0, "y", op.inputs[0].dtype, op.inputs[0].shape);
  return check.status();
}

}  // namespace

const Rule kCopyRule = {Check};

}  // namespace nano
