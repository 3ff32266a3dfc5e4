// The rule of fill (docs/program.md).
#include "ops/fill.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"value"});
  const double value = check.Float("value", -kInfinity, kInfinity);
  if (!check.Counts(0, 1)) return check.status();
  const bool whole = op.outputs[0].dtype == Dtype::kI32;
  check.Output(0, "y", whole ? Dtype::kI32 : Dtype::kF32);
  if (!whole) {
    params.set(FillParams{std::bit_cast<uint32_t>(static_cast<float>(value))});
  } else if (value >= INT32_MIN && value <= INT32_MAX && value == std::floor(value)) {
    params.set(FillParams{static_cast<uint32_t>(static_cast<int32_t>(value))});
  } else {
    check.Fail("attribute 'value' is " + std::to_string(value) + ", which an i32 does not hold");
  }
  return check.status();
}

}  // namespace

const Rule kFillRule = {Check};

}  // namespace nano
