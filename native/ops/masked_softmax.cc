// The rules of masked_softmax and masked_softmax_backward (docs/program.md).
#include "ops/masked_softmax.h"

#include <limits>
#include <string>

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

MaskedSoftmaxParams ReadParams(Checker& check) {
  using Limits = std::numeric_limits<float>;
  return {static_cast<float>(check.Float("scale", Limits::denorm_min(), Limits::max()))};
}

// Checks input 0, which must be […, T, S] with S ≥ T.
const Shape& CheckScores(Checker& check, const char* name) {
  const Shape& x = check.Input(0, name, Dtype::kF32);
  if (check.Rank(0, name, 2) && x.last() < x[x.rank - 2]) {
    check.Fail(std::string(name) + " " + x.ToString() + " has more rows than columns");
  }
  return x;
}

Status CheckForward(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"scale"});
  params.set(ReadParams(check));
  if (!check.Counts(1, 1)) return check.status();
  check.Output(0, "y", Dtype::kF32, CheckScores(check, "x"));
  return check.status();
}

Status CheckBackward(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"scale"});
  params.set(ReadParams(check));
  if (!check.Counts(2, 1)) return check.status();
  const Shape& y = CheckScores(check, "y");
  check.Input(1, "dy", Dtype::kF32, y);
  check.Output(0, "dx", Dtype::kF32, y);
  return check.status();
}

}  // namespace

const Rule kMaskedSoftmaxRule = {CheckForward};
const Rule kMaskedSoftmaxBackwardRule = {CheckBackward};

}  // namespace nano
