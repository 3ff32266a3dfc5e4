// Pairs of floats, for sums and angles that take more than 24 bits: Metal's language has no double. A pair is the sum of
// its two parts, the second at most half a unit in the last place of the first, and has about 48 bits. (Dekker, "A
// floating-point technique for extending the available precision", 1971; Hida, Li and Bailey, "Algorithms for
// quad-double precision floating point arithmetic", 2001.) All of it relies on fast math being off.
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
// The same where |a| ≥ |b| or a is 0.
inline DoubleFloat ExactOrderedSum(float a, float b) {
  const float sum = a + b;
  return Pair(sum, b - (sum - a));
}
// a · b, exactly.
inline DoubleFloat ExactProduct(float a, float b) {
  const float product = a * b;
  return Pair(product, fma(a, b, -product));
}

// a + b = b + a, to the bit.
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

// Of whole numbers below 2^48.
inline DoubleFloat PairOf(ulong value) {
  return ExactSum(float(uint(value >> 24)) * 16777216.0f, float(uint(value) & 0xFFFFFFu));
}

// ---- Over the threads of a group, as GroupSum in kernel.h.
inline DoubleFloat SimdSum(DoubleFloat value) {
  for (ushort offset = kSimd / 2; offset > 0; offset /= 2) {
    value = Add(value, Pair(simd_shuffle_xor(value.high, offset), simd_shuffle_xor(value.low, offset)));
  }
  return value;
}

inline DoubleFloat GroupSum(DoubleFloat value, threadgroup float2* room, Threads at) {
  value = SimdSum(value);
  if (at.simdgroups == 1) return value;
  if (at.lane == 0) room[at.simdgroup] = float2(value.high, value.low);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  value = Pair(room[0].x, room[0].y);
  for (uint i = 1; i < at.simdgroups; ++i) value = Add(value, Pair(room[i].x, room[i].y));
  threadgroup_barrier(mem_flags::mem_threadgroup);
  return value;
}

#else  // the host's part

namespace nano::metal {

// For a kernel's arguments.
inline DoubleFloat Split(double value) {
  const float high = static_cast<float>(value);
  return {high, static_cast<float>(value - static_cast<double>(high))};
}

}  // namespace nano::metal
#endif
