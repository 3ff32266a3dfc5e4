// The rule of positions (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({"length"});
  const int64_t length = check.Int("length", 1, 0xFFFFFFFF);
  if (!check.Counts(1, 1)) return check.status();
  check.Scalar(0, "start", Dtype::kI32);
  check.Output(0, "y", Dtype::kI32, MakeShape({length}));
  return check.status();
}

}  // namespace

const Rule kPositionsRule = {"positions", Check};

}  // namespace nano
