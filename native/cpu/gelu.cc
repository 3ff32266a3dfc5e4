// gelu and its gradient, with the normal distribution function or its tanh approximation.
#include "ops/gelu.h"

#include "cpu/kernels.h"
#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
namespace {

// Φ(−|x|) and the density Φ′(x).
struct Normal {
  F8 tail, density;
};

// Φ(−|x|) = e^(−x²/2)·t·P(1 − 2t) with t = 1 / (1 + ⅜|x|): the form that Shepherd and Laframboise
// (1981) use for erfc, which stays accurate where the result is small. P has degree 9. It is our
// own minimax fit by Remez exchange (relative error 2⁻²⁶) for |x| ≤ 14.6, beyond which the
// exponential is 0.
NANO_INLINE Normal NormalOf(F8 x) {
  const F8 e = ExpDown(x * (Set(-0.5f) * x));
  const F8 t = Set(1.0f) / MulAdd(Set(0.375f), Abs(x), Set(1.0f));
  const F8 u = Set(1.0f) - (t + t);
  F8 p = MulAdd(Set(-4.0680985e-5f), u, Set(-1.5586881e-4f));
  p = MulAdd(p, u, Set(2.3939769e-5f));
  p = MulAdd(p, u, Set(1.005314e-3f));
  p = MulAdd(p, u, Set(6.094016e-4f));
  p = MulAdd(p, u, Set(-6.4118477e-3f));
  p = MulAdd(p, u, Set(-2.7419792e-3f));
  p = MulAdd(p, u, Set(6.217671e-2f));
  p = MulAdd(p, u, Set(-0.17305408f));
  p = MulAdd(p, u, Set(0.26818228f));
  return {e * (t * p), e * Set(0.3989422804014327f)};
}

NANO_INLINE F8 NormalSlope(F8 x) {
  const Normal normal = NormalOf(x);
  return MulAdd(x, normal.density, Share(x, normal.tail));
}

// 2u = 2·√(2/π)·(x + 0.044715·x³), and its derivative: ½·(1 + tanh u) = σ(2u).
constexpr float kDouble = 1.5957691216057308f, kCubic = 0.044715f;
NANO_INLINE F8 Argument(F8 x) { return x * MulAdd(Set(kDouble * kCubic), x * x, Set(kDouble)); }
NANO_INLINE F8 ArgumentSlope(F8 x) { return MulAdd(Set(3 * kDouble * kCubic), x * x, Set(kDouble)); }

// Clamp to ±30: beyond it the slope is 1 or 0, and x² could overflow.
NANO_INLINE F8 TanhSlope(F8 x) {
  const F8 z = Max(Set(-30.0f), Min(Set(30.0f), x));
  const Logistic logistic = Sigmoids(Argument(z));
  return MulAdd(z * logistic.smaller, logistic.larger * ArgumentSlope(z), Share(z, logistic.smaller));
}

template <class F>
void Apply(const Call& call, const F& f) {
  const float* x = call.inputs[0].f32();
  float* y = call.outputs[0].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kSlowChunk,
            [&](int64_t begin, int64_t end) { Map(x + begin, y + begin, end - begin, f); });
}

template <class F>
void ApplyBackward(const Call& call, const F& slope) {
  const float *x = call.inputs[0].f32(), *dy = call.inputs[1].f32();
  float* dx = call.outputs[0].f32();
  ForChunks(call.pool, call.outputs[0].spec->elements(), kSlowChunk, [&](int64_t begin, int64_t end) {
    Map(x + begin, dy + begin, dx + begin, end - begin, [&](F8 a, F8 b) { return b * slope(a); });
  });
}

}  // namespace

InputError RunGelu(const Call& call) {
  if (call.params->as<GeluParams>().tanh) {
    Apply(call, [](F8 x) { return TimesShare(x, Sigmoids(Argument(x)).smaller); });
  } else {
    Apply(call, [](F8 x) { return TimesShare(x, NormalOf(x).tail); });
  }
  return {};
}

InputError RunGeluBackward(const Call& call) {
  if (call.params->as<GeluParams>().tanh) {
    ApplyBackward(call, [](F8 x) { return TanhSlope(x); });
  } else {
    ApplyBackward(call, [](F8 x) { return NormalSlope(x); });
  }
  return {};
}

}  // namespace nano::cpu::NANO_ISA
