// The rule of lerp (docs/program.md).
#include "ops/lerp.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"weight"});
  params.set(LerpParams{static_cast<float>(check.Float("weight", 0, 1))});
  check.Elementwise({"a", "b"}, "y");
  return check.status();
}

}  // namespace

const Rule kLerpRule = {.check = Check, .elementwise = true};

}  // namespace nano
