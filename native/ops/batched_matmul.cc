// The rule of batched_matmul (docs/program.md).
#include "ops/batched_matmul.h"

#include <string>

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Shape BatchOf(const Shape& x) { return LeadingDims(LeadingDims(x)); }

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"transpose_a", "transpose_b"});
  BatchedMatmulParams p{};
  MatmulParams& each = p.each;
  each.transpose_a = check.Bool("transpose_a");
  each.transpose_b = check.Bool("transpose_b");
  if (!check.Counts(2, 1)) return check.status();
  const Shape& a = check.Input(0, "a", Dtype::kF32);
  const Shape& b = check.Input(1, "b", Dtype::kF32);
  if (!check.Rank(0, "a", 2) || !check.Rank(1, "b", 2)) return check.status();
  const int64_t a_rows = a[a.rank - 2], b_rows = b[b.rank - 2];
  each.m = each.transpose_a ? a.last() : a_rows;
  each.k = each.transpose_a ? a_rows : a.last();
  each.n = each.transpose_b ? b_rows : b.last();
  const int64_t b_terms = each.transpose_b ? b.last() : b_rows;
  if (b_terms != each.k) {
    check.Fail("the matrices of a " + a.ToString() + (each.transpose_a ? " transposed" : "") + " have " +
               std::to_string(each.k) + " columns, those of b " + b.ToString() +
               (each.transpose_b ? " transposed" : "") + " have " + std::to_string(b_terms) +
               " rows; they must be equal");
  }
  const bool a_shared = a.rank == 2, b_shared = b.rank == 2;
  if (!a_shared && !b_shared && !(BatchOf(a) == BatchOf(b))) {
    check.Fail("the leading dimensions of a " + a.ToString() + " and b " + b.ToString() +
               " differ; they must be equal, or one operand have rank 2");
  }
  // y has the leading dimensions of an operand that isn't shared.
  Shape y = a_shared ? b : a;
  y.dims[y.rank - 2] = each.m;
  check.Output(0, "y", Dtype::kF32, WithLast(y, each.n));
  if (!check.ok()) return check.status();
  p.batch = BatchOf(y).elements();
  p.a_step = a_shared ? 0 : each.m * each.k;
  p.b_step = b_shared ? 0 : each.k * each.n;
  // If b is shared, the a matrices form one tall matrix, and a single product computes all.
  if (b_shared && !each.transpose_a) {
    each.m *= p.batch;
    p.batch = 1;
  }
  params.set(p);
  return check.status();
}

}  // namespace

const Rule kBatchedMatmulRule = {Check};

}  // namespace nano
