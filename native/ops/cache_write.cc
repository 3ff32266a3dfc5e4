// The rule of cache_write (docs/program.md).
#include "ops/check.h"
#include "ops/rules.h"

namespace nano {
namespace {

Status Check(const OpView& op, Params&) {
  Checker check(op);
  check.Attributes({});
  if (!check.Counts(4, 1)) return check.status();
  const Shape& cache = check.Input(0, "cache", Dtype::kF32);
  const Shape& x = check.Input(1, "x", Dtype::kF32);
  if (!check.Rank(0, "cache", 3, 3) || !check.Rank(1, "x", 3, 3)) return check.status();
  check.Input(1, "x", Dtype::kF32, MakeShape({x[0], x[1], cache[2]}));
  if (x[1] > cache[1]) {
    check.Fail("x has " + std::to_string(x[1]) + " tokens, the cache holds " + std::to_string(cache[1]));
  }
  check.Input(2, "start", Dtype::kI32, MakeShape({x[0]}));
  check.Input(3, "slot", Dtype::kI32, MakeShape({x[0]}));
  check.Output(0, "cache", Dtype::kF32, cache);
  return check.status();
}

int InPlace(const OpView&, int) { return 0; }

}  // namespace

const Rule kCacheWriteRule = {Check, InPlace};

}  // namespace nano
