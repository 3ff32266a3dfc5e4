// Scalar exp, log, sine and cosine in double. They give the same bits on every platform, because
// they use only IEEE additions, multiplications and divisions. Each backend has its own vector
// forms in float.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/inline.h"

namespace nano {

NANO_INLINE double BitsToDouble(uint64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

NANO_INLINE uint64_t DoubleToBits(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

NANO_INLINE bool IsNan(double value) { return value != value; }
NANO_INLINE bool IsFinite(double value) { return value - value == 0; }

// The constants of Exp. ExpTerm(i) is 1 / (13 − i)! for 0 ≤ i ≤ 11.
NANO_CONSTANT double kLog2E = 1.4426950408889634, kLn2High = 0.693147180369123816490,
                     kLn2Low = 1.90821492927058770002e-10;
NANO_INLINE double ExpTerm(int i) {
  constexpr double kTerms[] = {1.6059043836821613e-10, 2.08767569878681e-9,   2.505210838544172e-8,
                               2.755731922398589e-7,   2.7557319223985893e-6, 2.48015873015873e-5,
                               1.984126984126984e-4,   1.388888888888889e-3,  8.333333333333333e-3,
                               4.1666666666666664e-2,  1.6666666666666666e-1, 0.5};
  return kTerms[i];
}

// e^x within 2 units in the last place.
NANO_INLINE double Exp(double x) {
  if (x != x) return x;
  if (x > 710) return BitsToDouble(0x7FF0000000000000);
  if (x < -746) return 0;
  const int64_t n = static_cast<int64_t>(x * kLog2E + (x < 0 ? -0.5 : 0.5));
  const double r = (x - static_cast<double>(n) * kLn2High) - static_cast<double>(n) * kLn2Low;
  double p = ExpTerm(0);
  for (int i = 1; i < 12; ++i) p = p * r + ExpTerm(i);
  p = (p * r) * r + r + 1;
  // Scale in two steps, because 2^n may be out of range even if the result is not.
  const int64_t half = n / 2;
  return p * BitsToDouble(static_cast<uint64_t>(half + 1023) << 52) *
         BitsToDouble(static_cast<uint64_t>(n - half + 1023) << 52);
}

// ln x within 2 units in the last place.
NANO_INLINE double Log(double x) {
  if (!(x > 0)) return x == 0 ? -BitsToDouble(0x7FF0000000000000) : BitsToDouble(0x7FF8000000000000);
  if (!IsFinite(x)) return x;
  int64_t exponent = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984.0;  // 2^54
    exponent = -54;
  }
  uint64_t bits = DoubleToBits(x);
  exponent += static_cast<int64_t>(bits >> 52) - 1023;
  double m = BitsToDouble((bits & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent += 1;
  }
  const double f = (m - 1) / (m + 1), s = f * f;  // ln m = 2 atanh f
  double p = 0;
  for (int i = 23; i >= 3; i -= 2) p = (p + 1.0 / i) * s;
  const double e = static_cast<double>(exponent);
  return e * 0.693147180369123816490 + (2 * f + (2 * f * p + e * 1.90821492927058770002e-10));
}

// sin x and cos x for |x| ≤ 2^24, each within 2^-28, which is the resolution of a double near 2^24.
struct Turn {
  double sine, cosine;
};
NANO_INLINE Turn SineAndCosine(double x) {
  // x = n·π/2 + r with |r| ≤ π/4 (Cody and Waite, 1980). π/2 is split in two parts. The first has
  // 28 bits, so that its product with n is exact.
  constexpr double kInverse = 0.63661977236758134, kFirst = 1.570796325802803, kSecond = 9.920935796805404e-10;
  constexpr double kMagic = 6755399441055744.0;  // 1.5·2^52: adding it rounds to an integer, held in the low bits
  const double shifted = x * kInverse + kMagic;
  const double n = shifted - kMagic;
  const uint64_t quadrant = DoubleToBits(shifted);
  const double r = (x - n * kFirst) - n * kSecond, s = r * r;
  // The Taylor series of sine and cosine, up to the last terms that a double can resolve.
  double sine = -1.0 / 1307674368000;
  sine = sine * s + 1.0 / 6227020800;
  sine = sine * s - 1.0 / 39916800;
  sine = sine * s + 1.0 / 362880;
  sine = sine * s - 1.0 / 5040;
  sine = sine * s + 1.0 / 120;
  sine = sine * s - 1.0 / 6;
  sine = sine * s * r + r;
  double cosine = 1.0 / 20922789888000;
  cosine = cosine * s - 1.0 / 87178291200;
  cosine = cosine * s + 1.0 / 479001600;
  cosine = cosine * s - 1.0 / 3628800;
  cosine = cosine * s + 1.0 / 40320;
  cosine = cosine * s - 1.0 / 720;
  cosine = cosine * s + 1.0 / 24;
  cosine = cosine * s - 0.5;
  cosine = cosine * s + 1;
  // An odd quadrant swaps sine and cosine. Two of the four quadrants negate each of them.
  const bool odd = (quadrant & 1) != 0;
  const uint64_t sine_sign = (quadrant & 2) << 62, cosine_sign = ((quadrant + 1) & 2) << 62;
  return {BitsToDouble(DoubleToBits(odd ? cosine : sine) ^ sine_sign),
          BitsToDouble(DoubleToBits(odd ? sine : cosine) ^ cosine_sign)};
}

}  // namespace nano
