// The rule of rope (docs/program.md).
#include "ops/rope.h"

#include <limits>
#include <string>

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"heads", "base", "inverse"});
  const RopeParams p = {check.Int("heads", 1, kMaxInt), check.Float("base", 1, std::numeric_limits<double>::max()),
                        check.Bool("inverse")};
  params.set(p);
  if (!check.Counts(2, 1)) return check.status();
  const Shape& x = check.FloatInput(0, "x");
  if (!check.Rank(0, "x", 3, 3)) return check.status();
  const bool shared = op.inputs[1].shape.rank == 1;
  check.Input(1, "positions", Dtype::kI32, shared ? MakeShape({x[1]}) : MakeShape({x[0], x[1]}));
  if (x.last() % p.heads != 0 || x.last() / p.heads % 2 != 0) {
    check.Fail(std::to_string(x.last()) + " channels can't be divided among " + std::to_string(p.heads) +
               " heads of an even size");
  }
  check.FloatOutput(0, "y", x);
  return check.status();
}

}  // namespace

const Rule kRopeRule = {.check = Check, .elementwise = true};

}  // namespace nano
