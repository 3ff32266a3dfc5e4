// The rules of embedding and embedding_backward (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

// The shape of y for tokens of this shape and `channels` channels.
Shape Embedded(Checker& check, const Shape& tokens, int64_t channels) {
  if (tokens.rank == kMaxRank) {
    check.Fail("tokens is " + tokens.ToString() + ", it must have at most " + std::to_string(kMaxRank - 1) +
               " dimensions");
    return tokens;
  }
  Shape y = tokens;
  y.dims[y.rank++] = channels;
  return y;
}

Status CheckForward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(2, 1)) return check.status();
  const Shape& tokens = check.Input(0, "tokens", Dtype::kI32);
  const Shape& table = check.Input(1, "table", Dtype::kF32);
  if (!check.Rank(1, "table", 2, 2)) return check.status();
  check.Output(0, "y", Dtype::kF32, Embedded(check, tokens, table[1]));
  return check.status();
}

Status CheckBackward(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({"vocabulary"});
  const int64_t vocabulary = check.Int("vocabulary", 1, 0xFFFFFFFF);
  if (!check.Counts(2, 1)) return check.status();
  const Shape& tokens = check.Input(0, "tokens", Dtype::kI32);
  const Shape& dy = op.inputs[1].shape;
  check.Input(1, "dy", Dtype::kF32, Embedded(check, tokens, dy.last()));
  check.Output(0, "dtable", Dtype::kF32, MakeShape({vocabulary, dy.last()}));
  return check.status();
}

}  // namespace

const Rule kEmbeddingRule = {CheckForward};
const Rule kEmbeddingBackwardRule = {CheckBackward};

}  // namespace nano
