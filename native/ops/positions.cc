// The rule of positions (docs/program.md).
#include "ops/positions.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"length"});
  const int64_t length = check.Int("length", 1, 0xFFFFFFFF);
  params.set(PositionsParams{length});
  if (!check.Counts(1, 1)) return check.status();
  const Shape& start = check.Input(0, "start", Dtype::kI32);
  if (!check.Rank(0, "start", 0, 1)) return check.status();
  check.Output(0, "y", Dtype::kI32, start.rank == 0 ? MakeShape({length}) : MakeShape({start[0], length}));
  return check.status();
}

}  // namespace

const Rule kPositionsRule = {Check};

}  // namespace nano
