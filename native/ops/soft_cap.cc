// The rules of soft_cap and soft_cap_backward (docs/program.md).
#include "ops/soft_cap.h"

#include <limits>

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

SoftCapParams ReadParams(Checker& check) {
  using Limits = std::numeric_limits<float>;
  check.Attributes({"cap"});
  return {static_cast<float>(check.Float("cap", Limits::denorm_min(), Limits::max()))};
}

Status CheckForward(const OpView& op, Params& params) {
  Checker check(op);
  params.set(ReadParams(check));
  check.Elementwise({"x"}, "y");
  return check.status();
}

Status CheckBackward(const OpView& op, Params& params) {
  Checker check(op);
  params.set(ReadParams(check));
  check.Elementwise({"y", "dy"}, "dx");
  return check.status();
}

}  // namespace

const Rule kSoftCapRule = {.check = CheckForward, .elementwise = true};
const Rule kSoftCapBackwardRule = {.check = CheckBackward, .elementwise = true};

}  // namespace nano
