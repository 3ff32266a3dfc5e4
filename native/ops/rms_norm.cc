// The rules of rms_norm and rms_norm_backward (docs/program.md).
#include "ops/rms_norm.h"

#include <limits>
#include <string>

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

// Checks x (input 0) and that its rows can be split into groups. If there is a gain, also checks
// the shape of input `gain`.
bool CheckGroups(Checker& check, const OpView& op, int64_t groups, size_t gain) {
  const Shape& x = check.FloatInput(0, "x");
  if (!check.Rank(0, "x", 1)) return false;
  if (x.last() % groups != 0) {
    check.Fail(std::to_string(x.last()) + " channels can't be divided among " + std::to_string(groups) + " groups");
  } else if (op.inputs.size() > gain) {
    check.Input(gain, "gain", Dtype::kF32, MakeShape({x.last() / groups}));
  }
  return check.ok();
}

Status CheckForward(const OpView& op, Params& params) {
  using Limits = std::numeric_limits<float>;
  Checker check(op);
  check.Attributes({"groups", "epsilon"});
  const RmsNormParams p = {check.Int("groups", 1, kMaxInt),
                           static_cast<float>(check.Float("epsilon", Limits::denorm_min(), Limits::max()))};
  params.set(p);
  if (!check.Counts(op.inputs.size() == 2 ? 2 : 1, 2) || !CheckGroups(check, op, p.groups, 1)) return check.status();
  const Shape& x = op.inputs[0].shape;
  check.FloatOutput(0, "y", x);
  check.Output(1, "rstd", Dtype::kF32, WithLast(x, p.groups));
  return check.status();
}

Status CheckBackward(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"groups"});
  const RmsNormParams p = {check.Int("groups", 1, kMaxInt), 0};
  params.set(p);
  const bool gain = op.inputs.size() == 4;
  if (!check.Counts(gain ? 4 : 3, gain ? 2 : 1) || !CheckGroups(check, op, p.groups, 3)) return check.status();
  const Shape& x = op.inputs[0].shape;
  check.Input(1, "rstd", Dtype::kF32, WithLast(x, p.groups));
  check.FloatInput(2, "dy", x);
  check.Output(0, "dx", Dtype::kF32, x);
  if (gain) check.Output(1, "dgain", Dtype::kF32, op.inputs[3].shape);
  return check.status();
}

}  // namespace

const Rule kRmsNormRule = {.check = CheckForward, .elementwise = true};
const Rule kRmsNormBackwardRule = {.check = CheckBackward, .elementwise = true};

}  // namespace nano
