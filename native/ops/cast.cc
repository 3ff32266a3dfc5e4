// The rule of cast (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  check.FloatElementwise({"x"}, {"y"});
  return check.status();
}

}  // namespace

const Rule kCastRule = {.check = Check, .elementwise = true};

}  // namespace nano
