// The rules of swiglu and swiglu_backward (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status CheckForward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  check.FloatElementwise({"gate", "up"}, {"y"});
  return check.status();
}

Status CheckBackward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  check.FloatElementwise({"gate", "up", "dy"}, {"dgate", "dup"});
  return check.status();
}

}  // namespace

const Rule kSwigluRule = {.check = CheckForward, .elementwise = true};
const Rule kSwigluBackwardRule = {.check = CheckBackward, .elementwise = true};

}  // namespace nano
