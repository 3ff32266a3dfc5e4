// The rules of layer_norm and layer_norm_backward (docs/program.md).
#include "ops/layer_norm.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status CheckForward(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"epsilon"});
  params.set(LayerNormParams{static_cast<float>(check.Float("epsilon", 0, 3e38))});
  if (!check.Counts(3, 3)) return check.status();
  const Shape& x = check.FloatInput(0, "x");
  if (!check.Rank(0, "x", 1)) return check.status();
  check.Input(1, "gain", Dtype::kF32, MakeShape({x.last()}));
  check.Input(2, "bias", Dtype::kF32, MakeShape({x.last()}));
  check.FloatOutput(0, "y", x);
  check.Output(1, "mean", Dtype::kF32, LeadingDims(x));
  check.Output(2, "rstd", Dtype::kF32, LeadingDims(x));
  return check.status();
}

Status CheckBackward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(5, 3)) return check.status();
  const Shape& x = check.FloatInput(0, "x");
  if (!check.Rank(0, "x", 1)) return check.status();
  const Shape channels = MakeShape({x.last()});
  check.Input(1, "gain", Dtype::kF32, channels);
  check.Input(2, "mean", Dtype::kF32, LeadingDims(x));
  check.Input(3, "rstd", Dtype::kF32, LeadingDims(x));
  check.FloatInput(4, "dy", x);
  check.Output(0, "dx", Dtype::kF32, x);
  check.Output(1, "dgain", Dtype::kF32, channels);
  check.Output(2, "dbias", Dtype::kF32, channels);
  return check.status();
}

}  // namespace

const Rule kLayerNormRule = {CheckForward};
const Rule kLayerNormBackwardRule = {CheckBackward};

}  // namespace nano
