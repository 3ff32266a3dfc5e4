// The rule of scale (docs/program.md).
#include "ops/scale.h"

#include <limits>

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  Checker check(op);
  check.Attributes({"factor"});
  params.set(ScaleParams{static_cast<float>(check.Float("factor", -kLargest, kLargest))});
  check.Elementwise({"x"}, "y");
  return check.status();
}

}  // namespace

const Rule kScaleRule = {.check = Check, .elementwise = true};

}  // namespace nano
