// The rules of relu and relu_backward (docs/program.md).
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
  check.FloatElementwise({"y", "dy"}, {"dx"});
  return check.status();
}

}  // namespace

const Rule kReluRule = {.check = CheckForward, .elementwise = true};
const Rule kReluBackwardRule = {.check = CheckBackward, .elementwise = true};

}  // namespace nano
