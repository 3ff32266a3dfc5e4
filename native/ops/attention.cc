// The rules of attention and attention_backward (docs/program.md).
#include "ops/attention.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

AttentionParams ReadParams(Checker& check) {
  AttentionParams p{};
  p.heads = check.Int("heads", 1, 0xFFFFFFFF);
  p.kv_heads = check.Int("kv_heads", 1, 0xFFFFFFFF);
  p.scale = static_cast<float>(check.Float("scale", -3e38, 3e38));
  p.dropout = check.Probability("dropout");
  p.site = check.Site();
  return p;
}

// Checks q, k and v (inputs 0 to 2). Returns whether the remaining checks may read them.
bool CheckOperands(Checker& check, const AttentionParams& p) {
  const Shape& q = check.FloatInput(0, "q");
  const Dtype dtype = p.cached ? Dtype::kF32 : check.DtypeOf(0);
  const Shape& k = check.Input(1, "k", dtype);
  if (!check.Rank(0, "q", 3, 3) || !check.Rank(1, "k", 3, 3)) return false;
  if (q[2] % p.heads != 0) {
    check.Fail(std::to_string(q[2]) + " channels can't be divided among " + std::to_string(p.heads) + " heads");
    return false;
  }
  if (p.heads % p.kv_heads != 0) {
    check.Fail(std::to_string(p.heads) + " heads can't share " + std::to_string(p.kv_heads) + " kv_heads evenly");
    return false;
  }
  const Shape keys = MakeShape({p.cached ? k[0] : q[0], p.cached ? k[1] : q[1], q[2] / p.heads * p.kv_heads});
  check.Input(1, "k", dtype, keys);
  check.Input(2, "v", dtype, keys);
  return check.ok();
}

Shape LseShape(const Shape& q, const AttentionParams& p) { return MakeShape({q[0], p.heads, q[1]}); }

Status CheckForward(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"heads", "kv_heads", "scale", "dropout", "site", "cached"});
  AttentionParams p = ReadParams(check);
  p.cached = check.Bool("cached");
  params.set(p);
  const size_t rng = p.cached ? 5 : 3;
  if (!check.Counts(rng + (p.dropout > 0 ? 1 : 0), 2) || !CheckOperands(check, p)) return check.status();
  const Shape& q = op.inputs[0].shape;
  const Dtype dtype = check.DtypeOf(0);
  if (p.cached) {
    check.Input(0, "q", Dtype::kF32);
    check.Input(3, "start", Dtype::kI32, MakeShape({q[0]}));
    check.Input(4, "slot", Dtype::kI32, MakeShape({q[0]}));
  }
  if (p.dropout > 0) check.Rng(rng);
  if (p.cached && q[1] > op.inputs[1].shape[1]) {
    check.Fail("q has " + std::to_string(q[1]) + " tokens, the cache holds " + std::to_string(op.inputs[1].shape[1]));
  }
  check.Output(0, "y", dtype, q);
  check.Output(1, "lse", Dtype::kF32, LseShape(q, p));
  return check.status();
}

Status CheckBackward(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"heads", "kv_heads", "scale", "dropout", "site"});
  const AttentionParams p = ReadParams(check);
  params.set(p);
  if (!check.Counts(p.dropout > 0 ? 7 : 6, 3) || !CheckOperands(check, p)) return check.status();
  const Shape &q = op.inputs[0].shape, &k = op.inputs[1].shape;
  const Dtype dtype = check.DtypeOf(0);
  check.Input(3, "y", dtype, q);
  check.Input(4, "lse", Dtype::kF32, LseShape(q, p));
  check.Input(5, "dy", dtype, q);
  if (p.dropout > 0) check.Rng(6);
  check.Output(0, "dq", dtype, q);
  check.Output(1, "dk", dtype, k);
  check.Output(2, "dv", dtype, k);
  return check.status();
}

}  // namespace

const Rule kAttentionRule = {CheckForward};
const Rule kAttentionBackwardRule = {CheckBackward};

}  // namespace nano
