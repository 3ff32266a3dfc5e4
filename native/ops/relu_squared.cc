// The rules of relu_squared and relu_squared_backward (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status CheckForward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  check.FloatElementwise({"x"}, {"y"});
  return check.status();
}

Status CheckBackward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  check.FloatElementwise({"x", "dy"}, {"dx"});
  return check.status();
}

}  // namespace

const Rule kReluSquaredRule = {.check = CheckForward, .elementwise = true};
const Rule kReluSquaredBackwardRule = {.check = CheckBackward, .elementwise = true};

}  // namespace nano
