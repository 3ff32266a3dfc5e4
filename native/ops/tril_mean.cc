// The rule of tril_mean (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({"length"});
  const int64_t length = check.Int("length", 1, 0xFFFFFFFF);
  if (!check.Counts(0, 1)) return check.status();
  check.Output(0, "y", Dtype::kF32, MakeShape({length, length}));
  return check.status();
}

}  // namespace

const Rule kTrilMeanRule = {Check};

}  // namespace nano
