// Implements the loops of peak.h.
#include "cpu/peak.h"

#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
namespace {

// Separate variables, because compilers may not keep an array of vectors in registers.
float MultiplyAdds(int64_t rounds) {
  const F8 a = Set(0.999f), b = Set(0.001f);  // converges to 1, so no value becomes subnormal or infinite
  F8 x0 = Set(0.0f), x1 = Set(0.1f), x2 = Set(0.2f), x3 = Set(0.3f), x4 = Set(0.4f), x5 = Set(0.5f);
  F8 x6 = Set(0.6f), x7 = Set(0.7f), x8 = Set(0.8f), x9 = Set(0.9f), x10 = Set(1.0f), x11 = Set(1.1f);
  for (int64_t i = 0; i < rounds; ++i) {
    x0 = MulAdd(x0, a, b);
    x1 = MulAdd(x1, a, b);
    x2 = MulAdd(x2, a, b);
    x3 = MulAdd(x3, a, b);
    x4 = MulAdd(x4, a, b);
    x5 = MulAdd(x5, a, b);
    x6 = MulAdd(x6, a, b);
    x7 = MulAdd(x7, a, b);
    x8 = MulAdd(x8, a, b);
    x9 = MulAdd(x9, a, b);
    x10 = MulAdd(x10, a, b);
    x11 = MulAdd(x11, a, b);
  }
  return Sum(((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)) + ((x8 + x9) + (x10 + x11)));
}

float Read(const float* x, int64_t n) {
  return SumOver(n, [&](int64_t i, int64_t lanes) { return LoadLanes(x + i, lanes); });
}

void Triad(float* a, const float* b, const float* c, float factor, int64_t n) {
  const F8 times = Set(factor);
  Map(b, c, a, n, [&](F8 left, F8 right) { return MulAdd(times, right, left); });
}

}  // namespace

const PeakLoops& Loops() {
  static constexpr PeakLoops kLoops = {MultiplyAdds, Read, Triad};
  return kLoops;
}

}  // namespace nano::cpu::NANO_ISA
