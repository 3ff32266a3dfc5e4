// The rule of gather_batch (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({"block_size"});
  const int64_t block_size = check.Int("block_size", 1, 0xFFFFFFFF);
  if (!check.Counts(2, 2)) return check.status();
  const Dtype dtype = op.inputs[0].dtype;
  if (dtype != Dtype::kU8 && dtype != Dtype::kU16) check.Input(0, "corpus", Dtype::kU32);
  check.Rank(0, "corpus", 1, 1);
  check.Input(1, "offsets", Dtype::kU32);
  if (!check.Rank(1, "offsets", 1, 1)) return check.status();
  const Shape tokens = MakeShape({op.inputs[1].shape[0], block_size});
  check.Output(0, "tokens", Dtype::kI32, tokens);
  check.Output(1, "targets", Dtype::kI32, tokens);
  return check.status();
}

}  // namespace

const Rule kGatherBatchRule = {Check};

}  // namespace nano
