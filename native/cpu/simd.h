// Vectors of eight floats, with the same interface for each instruction set. The build defines
// NANO_ISA, the namespace of a kernel source: avx2, neon, portable or blas (see blas.h). Code in it
// must not call any function of the standard library that a compiler might not inline (see
// engine/inline.h).
#pragma once

#include <math.h>

#include <cstddef>
#include <cstdint>

#include "engine/inline.h"

#ifndef NANO_ISA
#error "compile with -DNANO_ISA=avx2, neon or portable"
#endif

#define NANO_ISA_IS_portable 1
#define NANO_ISA_IS_avx2 2
#define NANO_ISA_IS_neon 3
#if defined(__aarch64__) || defined(_M_ARM64)
#define NANO_ISA_IS_blas NANO_ISA_IS_neon
#else
#define NANO_ISA_IS_blas NANO_ISA_IS_avx2
#endif
#define NANO_PASTE_(a, b) a##b
#define NANO_PASTE(a, b) NANO_PASTE_(a, b)

namespace nano::cpu::NANO_ISA {
alignas(64) static const uint32_t kLaneMasks[16] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u};  // and eight zeros
}

#if NANO_PASTE(NANO_ISA_IS_, NANO_ISA) == 2
#include "cpu/simd_avx2.h"
#elif NANO_PASTE(NANO_ISA_IS_, NANO_ISA) == 3
#include "cpu/simd_neon.h"
#else
#include "cpu/simd_portable.h"
#endif

namespace nano::cpu::NANO_ISA {

NANO_INLINE int64_t Smaller(int64_t a, int64_t b) { return a < b ? a : b; }
NANO_INLINE int64_t Larger(int64_t a, int64_t b) { return a > b ? a : b; }
NANO_INLINE int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
NANO_INLINE int64_t RoundUp(int64_t a, int64_t b) { return DivideUp(a, b) * b; }

constexpr float kFloatInfinity = HUGE_VALF;
constexpr int64_t kLine = 16;  // floats in the cache line that Prefetch loads

// Sum(a) is ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7)) for every instruction set. SumEach
// computes it for eight vectors at once.
NANO_INLINE F8 SumEach(F8 (&a)[8]) {
  Transpose(a);
  return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}

// LaneMask is a mask of the first n lanes, 0 ≤ n ≤ 8. FirstElse takes the first n lanes from a and
// the others from b.
NANO_INLINE F8 LaneMask(int64_t n) { return FromBits(LoadInt(kLaneMasks + 8 - n)); }
NANO_INLINE F8 FirstElse(int64_t n, F8 a, F8 b) {
  const F8 mask = LaneMask(n);
  return FromBits(BitsOf(And(mask, a)) ^ BitsOf(AndNot(mask, b)));
}

// e^x = p·2^n with n the integer nearest to x/ln 2. Returns p, which lies between √½ and √2, and
// puts n in the low bits of `shifted`.
NANO_INLINE F8 ReducedExp(F8 x, I8& shifted) {
  const F8 magic = Set(12582912.0f);  // 1.5·2²³: adding it rounds to an integer, held in the low bits
  const F8 sum = MulAdd(x, Set(1.44269504088896341f), magic);
  const F8 n = sum - magic;
  const F8 r = MulAdd(n, Set(2.12194440e-4f), MulAdd(n, Set(-0.693359375f), x));
  F8 p = MulAdd(Set(1.9875691500e-4f), r, Set(1.3981999507e-3f));
  p = MulAdd(p, r, Set(8.3334519073e-3f));
  p = MulAdd(p, r, Set(4.1665795894e-2f));
  p = MulAdd(p, r, Set(1.6666665459e-1f));
  p = MulAdd(p, r, Set(5.0000001201e-1f));
  shifted = BitsOf(sum);
  return MulAdd(p, r * r, r) + Set(1.0f);
}

// e^x within 2 units in the last place; NaN stays NaN.
NANO_INLINE F8 Exp(F8 x) {
  I8 shifted;
  const F8 p = ReducedExp(Max(Set(-105.0f), Min(Set(90.0f), x)), shifted);
  // Scale in two steps, because 2^n may be out of range even if the result is not.
  const I8 exponent = shifted - SetInt(0x4B400000);
  const I8 half = ShiftRight<1>(exponent);
  const F8 scale1 = FromBits(ShiftLeft<23>(half + SetInt(127)));
  const F8 scale2 = FromBits(ShiftLeft<23>(exponent - half + SetInt(127)));
  return p * scale1 * scale2;
}

// A faster Exp for x ≤ 0. Gives 0 where the result would be below the smallest normal number.
NANO_INLINE F8 ExpDown(F8 x) {
  I8 shifted;
  const F8 p = ReducedExp(x, shifted);
  return AndNot(LessEqual(x, Set(-87.33f)), FromBits(BitsOf(p) + ShiftLeft<23>(shifted)));
}

// ln x within 2 units in the last place, for x that is not subnormal. −∞ for 0, NaN for NaN.
NANO_INLINE F8 Log(F8 x) {
  // x = 2^e·(1 + f), with 1 + f between √½ and √2.
  const I8 root = SetInt(0x3F3504F3);
  const I8 above = BitsOf(x) - root;
  const F8 e = FromBits(ShiftRight<23>(above) + SetInt(0x4B400000)) - Set(12582912.0f);
  const F8 f = FromBits(BitsOf(And(FromBits(SetInt(0x007FFFFF)), FromBits(above))) + root) - Set(1.0f);
  F8 p = MulAdd(Set(7.0376836292e-2f), f, Set(-1.1514610310e-1f));
  p = MulAdd(p, f, Set(1.1676998740e-1f));
  p = MulAdd(p, f, Set(-1.2420140846e-1f));
  p = MulAdd(p, f, Set(1.4249322787e-1f));
  p = MulAdd(p, f, Set(-1.6668057665e-1f));
  p = MulAdd(p, f, Set(2.0000714765e-1f));
  p = MulAdd(p, f, Set(-2.4999993993e-1f));
  p = MulAdd(p, f, Set(3.3333331174e-1f));
  const F8 square = f * f;
  p = MulAdd(e, Set(-2.12194440e-4f), p * f * square);
  p = MulAdd(Set(-0.5f), square, p);
  const F8 log = MulAdd(e, Set(0.693359375f), f + p);
  const F8 positive = Greater(x, Set(0));
  return FromBits(BitsOf(And(positive, log)) ^ BitsOf(AndNot(positive, Set(-1.0f) / x)));
}

NANO_INLINE F8 Abs(F8 x) { return AndNot(Set(-0.0f), x); }

// tanh x within 3 units in the last place. NaN stays NaN. For |x| ≤ 5/8 it is a polynomial in x²
// with the coefficients of Cephes (Moshier).
NANO_INLINE F8 Tanh(F8 x) {
  const F8 square = x * x;
  F8 p = MulAdd(Set(-5.70498872745e-3f), square, Set(2.06390887954e-2f));
  p = MulAdd(p, square, Set(-5.37397155531e-2f));
  p = MulAdd(p, square, Set(1.33314422036e-1f));
  p = MulAdd(p, square, Set(-3.33332819422e-1f));
  p = MulAdd(p * square, x, x);
  const F8 size = Abs(x), e = ExpDown(Set(-2.0f) * size);
  const F8 large = (Set(1.0f) - e) / (Set(1.0f) + e);
  return Select(Greater(size, Set(0.625f)), FromBits(BitsOf(large) ^ BitsOf(And(Set(-0.0f), x))), p);
}

// The smaller and the larger of σ(x) and σ(−x), where σ(x) = 1 / (1 + e^−x). The smaller one is
// σ(−|x|). Both are NaN for NaN.
struct Logistic {
  F8 smaller, larger;
};
NANO_INLINE Logistic Sigmoids(F8 x) {
  const F8 e = ExpDown(Set(0) - Abs(x));
  const F8 larger = Set(1.0f) / (Set(1.0f) + e);
  return {e * larger, larger};
}

// x·F(x) for a distribution function with F(−x) = 1 − F(x), given `tail` = F(−|x|). No cancellation
// for either sign of x.
NANO_INLINE F8 TimesShare(F8 x, F8 tail) { return Max(Set(0), x) - Abs(x) * tail; }
// F(x), given `tail` = F(−|x|).
NANO_INLINE F8 Share(F8 x, F8 tail) { return Select(Greater(x, Set(0)), Set(1.0f) - tail, tail); }

}  // namespace nano::cpu::NANO_ISA
