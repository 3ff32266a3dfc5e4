// The rule of sample (docs/program.md).
#include "ops/sample.h"

#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params& params) {
  Checker check(op);
  check.Attributes({"site"});
  params.set(SampleParams{check.Site()});
  if (!check.Counts(6, 2)) return check.status();
  const Shape& logits = check.Input(0, "logits", Dtype::kF32);
  if (!check.Rank(0, "logits", 1)) return check.status();
  if (logits.last() > 0x7FFFFFFF) check.Fail("logits is " + logits.ToString() + ", tokens must fit i32");
  check.Scalar(1, "temperature", Dtype::kF32);
  check.Scalar(2, "top_k", Dtype::kI32);
  check.Scalar(3, "top_p", Dtype::kF64);
  check.Scalar(4, "min_p", Dtype::kF64);
  check.Input(5, "rng", Dtype::kU32, WithLast(logits, 3));
  check.Output(0, "tokens", Dtype::kI32, LeadingDims(logits));
  check.Output(1, "log_probabilities", Dtype::kF32, LeadingDims(logits));
  return check.status();
}

}  // namespace

const Rule kSampleRule = {Check};

}  // namespace nano
