// The rules of slice_positions and concat_positions (docs/program.md).
#include "ops/slice_positions.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Dtype DtypeOf(const Checker& check) { return check.DtypeOf(0) == Dtype::kI32 ? Dtype::kI32 : Dtype::kF32; }

int64_t ElementsOfPosition(const Shape& x) { return x.elements() / (x[0] * x[1]); }

Status CheckSlice(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"begin", "count"});
  const int64_t begin = check.Int("begin", 0, kMaxInt), count = check.Int("count", 1, kMaxInt);
  if (!check.Counts(1, 1)) return check.status();
  Shape y = check.Input(0, "x", DtypeOf(check));
  if (!check.Rank(0, "x", 2)) return check.status();
  if (count > y[1] || begin > y[1] - count) {
    check.Fail(std::to_string(count) + " positions from " + std::to_string(begin) + " are not within the " +
               std::to_string(y[1]) + " of x");
  }
  params.set(SlicePositionsParams{ElementsOfPosition(y), begin});
  y.dims[1] = count;
  check.Output(0, "y", DtypeOf(check), y);
  return check.status();
}

Status CheckConcat(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({});
  if (op.inputs.empty()) check.Fail("has no inputs; it takes one or more");
  if (!check.Counts(op.inputs.size(), 1)) return check.status();
  Shape y = op.inputs[0].shape;
  int64_t length = 0;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (!check.Rank(i, "x", 2)) return check.status();
    y.dims[1] = op.inputs[i].shape[1];
    check.Input(i, "x", DtypeOf(check), y);
    length += y[1];
  }
  params.set(SlicePositionsParams{ElementsOfPosition(op.inputs[0].shape)});
  y.dims[1] = length;
  check.Output(0, "y", DtypeOf(check), y);
  return check.status();
}

}  // namespace

const Rule kSlicePositionsRule = {CheckSlice};
const Rule kConcatPositionsRule = {CheckConcat};

}  // namespace nano
