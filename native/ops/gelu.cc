// The rules of gelu and gelu_backward (docs/program.md).
#include "ops/gelu.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status CheckForward(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"tanh"});
  params.set(GeluParams{check.Bool("tanh")});
  check.FloatElementwise({"x"}, {"y"});
  return check.status();
}

Status CheckBackward(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"tanh"});
  params.set(GeluParams{check.Bool("tanh")});
  check.FloatElementwise({"x", "dy"}, {"dx"});
  return check.status();
}

}  // namespace

const Rule kGeluRule = {.check = CheckForward, .elementwise = true};
const Rule kGeluBackwardRule = {.check = CheckBackward, .elementwise = true};

}  // namespace nano
