// The rule of clip_scale (docs/program.md).
#include "ops/clip_scale.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"max_norm"});
  const double max_norm = check.Float("max_norm", 0, kInfinity);
  if (max_norm == 0) check.Fail("attribute 'max_norm' is 0, it must be more");
  params.set(ClipScaleParams{max_norm});
  if (!check.Counts(1, 1)) return check.status();
  check.Scalar(0, "norm", Dtype::kF32);
  check.Output(0, "scale", Dtype::kF32, Shape{});
  return check.status();
}

}  // namespace

const Rule kClipScaleRule = {Check};

}  // namespace nano
