// Pairs of floats, for sums and angles that need more than 24 bits: Metal has no double. A pair is
// the unevaluated sum of its two parts. The low part is at most half a unit in the last place of
// the high part, so a pair has about 48 bits. (Dekker, "A floating-point technique for extending
// the available precision", 1971; Hida, Li and Bailey, "Algorithms for quad-double precision
// floating point arithmetic", 2001.) These functions rely on fast math being off.
#pragma once

#include "metal/kernel.h"

struct DoubleFloat {
  float high, low;
};

#if defined(__METAL_VERSION__)

inline DoubleFloat Pair(float high, float low = 0.0f) {
  DoubleFloat pair;
  pair.high = high, pair.low = low;
  return pair;
}

// a + b, exactly.
inline DoubleFloat ExactSum(float a, float b) {
  const float sum = a + b, part = sum - a;
  return Pair(sum, (a - (sum - part)) + (b - part));
}
// The same, if |a| ≥ |b| or a is 0.
inline DoubleFloat ExactOrderedSum(float a, float b) {
  const float sum = a + b;
  return Pair(sum, b - (sum - a));
}
// a · b, exactly.
inline DoubleFloat ExactProduct(float a, float b) {
  const float product = a * b;
  return Pair(product, fma(a, b, -product));
}

// Commutative to the bit: a + b = b + a.
inline DoubleFloat Add(DoubleFloat a, DoubleFloat b) {
  DoubleFloat high = ExactSum(a.high, b.high);
  const DoubleFloat low = ExactSum(a.low, b.low);
  high = ExactOrderedSum(high.high, high.low + low.high);
  return ExactOrderedSum(high.high, high.low + low.low);
}
inline DoubleFloat Add(DoubleFloat a, float b) {
  const DoubleFloat sum = ExactSum(a.high, b);
  return ExactOrderedSum(sum.high, sum.low + a.low);
}
// Add for values that may be infinite, where the error terms would turn the sum into a NaN.
inline DoubleFloat AddAny(DoubleFloat a, DoubleFloat b) {
  const float sum = a.high + b.high;
  return IsFinite(sum) ? Add(a, b) : Pair(sum);
}
inline DoubleFloat Negated(DoubleFloat a) { return Pair(-a.high, -a.low); }
inline DoubleFloat Multiply(DoubleFloat a, DoubleFloat b) {
  const DoubleFloat product = ExactProduct(a.high, b.high);
  return ExactOrderedSum(product.high, product.low + (a.high * b.low + a.low * b.high));
}
inline DoubleFloat Multiply(DoubleFloat a, float b) {
  const DoubleFloat product = ExactProduct(a.high, b);
  return ExactOrderedSum(product.high, fma(a.low, b, product.low));
}
inline DoubleFloat Divide(DoubleFloat a, DoubleFloat b) {
  const float first = a.high / b.high;
  const DoubleFloat rest = Add(a, Negated(Multiply(b, first)));
  return ExactOrderedSum(first, rest.high / b.high);
}
inline float ToFloat(DoubleFloat a) { return a.high + a.low; }
// The square root, as a float.
inline float Root(DoubleFloat a) {
  const float root = sqrt(a.high);
  return root > 0 ? root + (fma(-root, root, a.high) + a.low) / (2 * root) : root;
}

// Exact for integers below 2^48.
inline DoubleFloat PairOf(ulong value) {
  return ExactSum(float(uint(value >> 24)) * 16777216.0f, float(uint(value) & 0xFFFFFFu));
}

// ---- e^x and ln x, with a relative error of 2^-44. The small terms of each series are summed in
// float.
constant constexpr float kLn2High = 0.693359375f;  // times an integer below 2^15 it is exact

inline DoubleFloat Ln2Low() { return Pair(-2.1219444e-4f, 1.646595e-12f); }

inline float PowerOf2(int exponent) { return as_type<float>(uint(exponent + 127) << 23); }

// Requires |x| ≤ 87. Below −60 the low part of the result is too small for a float.
inline DoubleFloat Exp(DoubleFloat x) {
  const float n = rint(x.high * M_LOG2E_F);
  const DoubleFloat r = Add(Add(x, -n * kLn2High), Negated(Multiply(Ln2Low(), n)));
  const float s = r.high;
  const float tail = 1.0f / 5040 + s * (1.0f / 40320 + s * (1.0f / 362880 + s * (1.0f / 3628800 + s / 39916800)));
  DoubleFloat p = Add(Pair(1.3888889e-3f, -3.3631094e-11f), s * tail);
  p = Add(Multiply(p, r), Pair(8.333334e-3f, -4.346172e-10f));
  p = Add(Multiply(p, r), Pair(4.1666668e-2f, -1.2417635e-9f));
  p = Add(Multiply(p, r), Pair(1.6666667e-1f, -4.967054e-9f));
  p = Add(Multiply(p, r), 0.5f);
  p = Add(Multiply(p, r), 1.0f);
  p = Add(Multiply(p, r), 1.0f);
  const float scale = PowerOf2(int(n));
  return Pair(p.high * scale, p.low * scale);
}

// Requires x < 2^127.
inline DoubleFloat Log(DoubleFloat x) {
  const uint bits = as_type<uint>(x.high);
  if (bits - 0x00800000u >= 0x7F000000u) return Pair(log(x.high));  // ≤ 0, subnormal or not finite
  // x = 2^n·m with m from √½ to √2; ln m = 2 atanh f.
  const int n = int(bits - 0x3F3504F3u) >> 23;
  const float scale = PowerOf2(-n);
  const DoubleFloat m = Pair(x.high * scale, x.low * scale), f = Divide(Add(m, -1.0f), Add(m, 1.0f)),
                    s = Multiply(f, f);
  const float t = s.high;
  const float tail = 1.0f / 9 + t * (1.0f / 11 + t * (1.0f / 13 + t * (1.0f / 15 + t / 17)));
  DoubleFloat p = Add(Pair(1.4285715e-1f, -6.386212e-9f), t * tail);
  p = Add(Multiply(p, s), Pair(2e-1f, -2.9802323e-9f));
  p = Add(Multiply(p, s), Pair(3.3333334e-1f, -9.934108e-9f));
  p = Add(Multiply(p, s), 1.0f);
  return Add(Add(Multiply(Multiply(p, f), 2.0f), Multiply(Ln2Low(), float(n))), float(n) * kLn2High);
}

// ---- Reductions over a threadgroup, like GroupSum in kernel.h.
inline DoubleFloat SimdSum(DoubleFloat value) {
  for (ushort offset = kSimd / 2; offset > 0; offset /= 2) {
    value = AddAny(value, Pair(simd_shuffle_xor(value.high, offset), simd_shuffle_xor(value.low, offset)));
  }
  return value;
}

inline DoubleFloat GroupSum(DoubleFloat value, threadgroup float2* room, Threads at) {
  value = SimdSum(value);
  if (at.simdgroups == 1) return value;
  if (at.lane == 0) room[at.simdgroup] = float2(value.high, value.low);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  value = Pair(room[0].x, room[0].y);
  for (uint i = 1; i < at.simdgroups; ++i) value = AddAny(value, Pair(room[i].x, room[i].y));
  threadgroup_barrier(mem_flags::mem_threadgroup);
  return value;
}

#else  // the host's part

namespace nano::metal {

// Converts a double for a kernel's arguments.
inline DoubleFloat Split(double value) {
  const float high = static_cast<float>(value);
  return {high, static_cast<float>(value - static_cast<double>(high))};
}

}  // namespace nano::metal
#endif
