// Implements the eight-lane vectors of simd.h in plain C++, for processors without AVX2 or NEON and
// as a check of those. Compilers vectorize the loops where they can. Only simd.h includes this
// file.
#pragma once

#include <math.h>

#include <cstdint>
#include <cstring>

#include "engine/inline.h"

namespace nano::cpu::NANO_ISA {

struct F8 {
  float v[8];
};
struct I8 {
  uint32_t v[8];
};
struct D8 {
  double v[8];
};

#define NANO_LANES(Type, expression)                    \
  Type result;                                          \
  for (int i = 0; i < 8; ++i) result.v[i] = expression; \
  return result

NANO_INLINE F8 Set(float x) { NANO_LANES(F8, x); }
NANO_INLINE F8 Load(const float* p) { NANO_LANES(F8, p[i]); }
NANO_INLINE void Store(float* p, F8 x) { std::memcpy(p, x.v, sizeof(x.v)); }
// Prefetching does nothing here.
NANO_INLINE void Prefetch(const float*) {}
NANO_INLINE void PrefetchFar(const float*) {}
// Load or store the first n lanes, 0 ≤ n ≤ 8. Lanes that are not loaded are 0.
NANO_INLINE F8 LoadSome(const float* p, int64_t n) { NANO_LANES(F8, i < n ? p[i] : 0.0f); }
NANO_INLINE void StoreSome(float* p, int64_t n, F8 x) {
  for (int64_t i = 0; i < n; ++i) p[i] = x.v[i];
}

NANO_INLINE F8 operator+(F8 a, F8 b) { NANO_LANES(F8, a.v[i] + b.v[i]); }
NANO_INLINE F8 operator-(F8 a, F8 b) { NANO_LANES(F8, a.v[i] - b.v[i]); }
NANO_INLINE F8 operator*(F8 a, F8 b) { NANO_LANES(F8, a.v[i] * b.v[i]); }
NANO_INLINE F8 operator/(F8 a, F8 b) { NANO_LANES(F8, a.v[i] / b.v[i]); }
NANO_INLINE F8 MulAdd(F8 a, F8 b, F8 c) { NANO_LANES(F8, a.v[i] * b.v[i] + c.v[i]); }  // a·b + c
NANO_INLINE F8 Sqrt(F8 a) { NANO_LANES(F8, sqrtf(a.v[i])); }
NANO_INLINE F8 Max(F8 a, F8 b) { NANO_LANES(F8, a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }  // b where either is NaN
NANO_INLINE F8 Min(F8 a, F8 b) { NANO_LANES(F8, a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }  // b where either is NaN

// Converts lane by lane, because GCC 12 for arm64 at -O2 miscompiles copies of a whole vector
// between the two types.
NANO_INLINE uint32_t BitsOfLane(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}
NANO_INLINE float LaneFromBits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}
NANO_INLINE I8 BitsOf(F8 a) { NANO_LANES(I8, BitsOfLane(a.v[i])); }
NANO_INLINE F8 FromBits(I8 a) { NANO_LANES(F8, LaneFromBits(a.v[i])); }

// The sum of the lanes in the order that simd.h documents, and the largest lane, which may ignore a
// NaN.
NANO_INLINE float Sum(F8 a) {
  return ((a.v[0] + a.v[4]) + (a.v[2] + a.v[6])) + ((a.v[1] + a.v[5]) + (a.v[3] + a.v[7]));
}
NANO_INLINE float Largest(F8 a) {
  float largest = a.v[0];
  for (int i = 1; i < 8; ++i) largest = a.v[i] > largest ? a.v[i] : largest;
  return largest;
}
NANO_INLINE float FirstLane(F8 a) { return a.v[0]; }

NANO_INLINE I8 SetInt(int32_t x) { NANO_LANES(I8, static_cast<uint32_t>(x)); }
NANO_INLINE I8 LoadInt(const uint32_t* p) { NANO_LANES(I8, p[i]); }
NANO_INLINE I8 operator+(I8 a, I8 b) { NANO_LANES(I8, a.v[i] + b.v[i]); }
NANO_INLINE I8 operator-(I8 a, I8 b) { NANO_LANES(I8, a.v[i] - b.v[i]); }
NANO_INLINE I8 operator^(I8 a, I8 b) { NANO_LANES(I8, a.v[i] ^ b.v[i]); }
NANO_INLINE I8 operator&(I8 a, I8 b) { NANO_LANES(I8, a.v[i] & b.v[i]); }
NANO_INLINE I8 operator~(I8 a) { NANO_LANES(I8, ~a.v[i]); }
template <int kBits>
NANO_INLINE I8 ShiftLeft(I8 a) {
  NANO_LANES(I8, a.v[i] << kBits);
}
template <int kBits>
NANO_INLINE I8 ShiftRight(I8 a) {  // keeps the sign
  NANO_LANES(I8, static_cast<uint32_t>(static_cast<int32_t>(a.v[i]) >> kBits));
}

NANO_INLINE I8 GreaterBits(F8 a, F8 b) { NANO_LANES(I8, a.v[i] > b.v[i] ? 0xFFFFFFFFu : 0u); }
NANO_INLINE I8 LessEqualBits(F8 a, F8 b) { NANO_LANES(I8, a.v[i] <= b.v[i] ? 0xFFFFFFFFu : 0u); }
NANO_INLINE I8 AtLeastBits(I8 a, I8 b) { NANO_LANES(I8, a.v[i] >= b.v[i] ? 0xFFFFFFFFu : 0u); }

// Comparisons set each lane to all ones or all zeros. And keeps the lanes where the mask is set,
// AndNot those where it isn't.
NANO_INLINE F8 Greater(F8 a, F8 b) { return FromBits(GreaterBits(a, b)); }
NANO_INLINE F8 LessEqual(F8 a, F8 b) { return FromBits(LessEqualBits(a, b)); }
NANO_INLINE F8 AtLeast(I8 a, I8 b) { return FromBits(AtLeastBits(a, b)); }  // unsigned
NANO_INLINE F8 And(F8 mask, F8 a) { return FromBits(BitsOf(mask) & BitsOf(a)); }
NANO_INLINE F8 AndNot(F8 mask, F8 a) { return FromBits(~BitsOf(mask) & BitsOf(a)); }
// a where the mask is set, b elsewhere.
NANO_INLINE F8 Select(F8 mask, F8 a, F8 b) { return FromBits(BitsOf(And(mask, a)) ^ BitsOf(AndNot(mask, b))); }

NANO_INLINE double ShiftLaneLeft52(double x) {
  uint64_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  bits <<= 52;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

NANO_INLINE D8 SetDouble(double x) { NANO_LANES(D8, x); }
NANO_INLINE D8 Widen(F8 a) { NANO_LANES(D8, static_cast<double>(a.v[i])); }
NANO_INLINE D8 LoadDouble(const double* p) { NANO_LANES(D8, p[i]); }
NANO_INLINE void StoreDouble(double* p, D8 x) { std::memcpy(p, x.v, sizeof(x.v)); }
NANO_INLINE D8 operator+(D8 a, D8 b) { NANO_LANES(D8, a.v[i] + b.v[i]); }
NANO_INLINE D8 operator-(D8 a, D8 b) { NANO_LANES(D8, a.v[i] - b.v[i]); }
NANO_INLINE D8 operator*(D8 a, D8 b) { NANO_LANES(D8, a.v[i] * b.v[i]); }
NANO_INLINE D8 operator/(D8 a, D8 b) { NANO_LANES(D8, a.v[i] / b.v[i]); }
NANO_INLINE D8 Max(D8 a, D8 b) { NANO_LANES(D8, a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
// x where a ≥ b, otherwise 0.
NANO_INLINE D8 WhereAtLeast(D8 a, D8 b, D8 x) { NANO_LANES(D8, a.v[i] >= b.v[i] ? x.v[i] : 0.0); }
// Rounds towards zero. |a| < 2^31.
NANO_INLINE D8 Truncate(D8 a) { NANO_LANES(D8, static_cast<double>(static_cast<int32_t>(a.v[i]))); }
NANO_INLINE D8 ShiftLeft52(D8 a) { NANO_LANES(D8, ShiftLaneLeft52(a.v[i])); }  // the bits of each lane
// In the order of the sum of F8.
NANO_INLINE double Sum(D8 a) {
  return ((a.v[0] + a.v[4]) + (a.v[2] + a.v[6])) + ((a.v[1] + a.v[5]) + (a.v[3] + a.v[7]));
}

// The unsigned 64-bit product a·b as high and low words.
NANO_INLINE void MulWide(I8 a, I8 b, I8& high, I8& low) {
  for (int i = 0; i < 8; ++i) {
    const uint64_t product = static_cast<uint64_t>(a.v[i]) * b.v[i];
    high.v[i] = static_cast<uint32_t>(product >> 32);
    low.v[i] = static_cast<uint32_t>(product);
  }
}

// Lane i of w[0..3] holds the four words of block kBlockOfLane[i]. OrderBlocks sorts all 32 words
// by block.
constexpr uint32_t kBlockOfLane[8] = {0, 1, 2, 3, 4, 5, 6, 7};
NANO_INLINE void OrderBlocks(I8 (&w)[4]) {
  uint32_t ordered[32];
  for (int i = 0; i < 32; ++i) ordered[i] = w[i % 4].v[i / 4];
  std::memcpy(w, ordered, sizeof(ordered));
}

// Lane j of r[i] becomes lane i of r[j].
NANO_INLINE void Transpose(F8 (&r)[8]) {
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < i; ++j) {
      const float swapped = r[i].v[j];
      r[i].v[j] = r[j].v[i];
      r[j].v[i] = swapped;
    }
  }
}

#undef NANO_LANES

}  // namespace nano::cpu::NANO_ISA
