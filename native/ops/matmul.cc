// The rule of matmul (docs/program.md).
#include "ops/matmul.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
MatmulParams CheckMatmul(Checker& check, size_t first, const TensorSpec& y) {
  MatmulParams p{};
  p.transpose_a = check.Bool("transpose_a");
  p.transpose_b = check.Bool("transpose_b");
  const Shape& a = check.FloatInput(first, "a");
  const Shape& b = check.Input(first + 1, "b", check.DtypeOf(first));
  if (!check.Rank(first, "a", 1) || !check.Rank(first + 1, "b", 1)) return p;
  p.m = p.transpose_a ? a.last() : a.rows();
  p.k = p.transpose_a ? a.rows() : a.last();
  p.n = p.transpose_b ? b.rows() : b.last();
  const int64_t b_terms = p.transpose_b ? b.last() : b.rows();
  if (b_terms != p.k) {
    check.Fail("a " + a.ToString() + (p.transpose_a ? " transposed" : "") + " has " + std::to_string(p.k) +
               " columns, b " + b.ToString() + (p.transpose_b ? " transposed" : "") + " has " +
               std::to_string(b_terms) + " rows; they must be equal");
  }
  // y of bf16 operands may be bf16 or f32.
  const bool bf16 = y.dtype == Dtype::kBf16 && check.DtypeOf(first) == Dtype::kBf16;
  const TensorSpec wanted = {bf16 ? Dtype::kBf16 : Dtype::kF32,
                             p.transpose_a ? MakeShape({p.m, p.n}) : WithLast(a, p.n)};
  if (!(y == wanted)) check.Fail("the result is " + y.ToString() + ", it must be " + wanted.ToString());
  return p;
}

namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"transpose_a", "transpose_b"});
  if (!check.Counts(2, 1)) return check.status();
  params.set(CheckMatmul(check, 0, op.outputs[0]));
  return check.status();
}

}  // namespace

const Rule kMatmulRule = {Check};

}  // namespace nano
