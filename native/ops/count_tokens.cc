// The rule of count_tokens (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(3, 1)) return check.status();
  const Shape& counts = check.Input(0, "counts", Dtype::kI32);
  const Shape& tokens = check.Input(1, "tokens", Dtype::kI32);
  if (!check.Rank(0, "counts", 2, 2) || !check.Rank(1, "tokens", 2, 2)) return check.status();
  check.Input(2, "slot", Dtype::kI32, MakeShape({tokens[0]}));
  check.Output(0, "counts", Dtype::kI32, counts);
  return check.status();
}

int InPlace(const OpView&, int) { return 0; }

}  // namespace

const Rule kCountTokensRule = {Check, InPlace};

}  // namespace nano
