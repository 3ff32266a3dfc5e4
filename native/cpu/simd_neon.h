// Implements the eight-lane vectors of simd.h as two NEON registers. Only simd.h includes this
// file.
#pragma once

#include <arm_neon.h>

#include <cstdint>

#include "engine/inline.h"

namespace nano::cpu::NANO_ISA {

struct F8 {
  float32x4_t v[2];
};
struct I8 {
  uint32x4_t v[2];
};
struct D8 {
  float64x2_t v[4];
};

NANO_INLINE F8 Set(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
NANO_INLINE F8 Load(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4)}; }
NANO_INLINE void Store(float* p, F8 x) {
  vst1q_f32(p, x.v[0]);
  vst1q_f32(p + 4, x.v[1]);
}
// Prefetches the cache line of p into the L1 cache, and into the L2 cache.
NANO_INLINE void Prefetch(const float* p) { __builtin_prefetch(p); }
NANO_INLINE void PrefetchFar(const float* p) { __builtin_prefetch(p, 0, 2); }
// Load or store the first n lanes, 0 ≤ n ≤ 8. Lanes that are not loaded are 0.
NANO_INLINE F8 LoadSome(const float* p, int64_t n) {
  float lanes[8] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return Load(lanes);
}
NANO_INLINE void StoreSome(float* p, int64_t n, F8 x) {
  float lanes[8];
  Store(lanes, x);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}

NANO_INLINE F8 operator+(F8 a, F8 b) { return {vaddq_f32(a.v[0], b.v[0]), vaddq_f32(a.v[1], b.v[1])}; }
NANO_INLINE F8 operator-(F8 a, F8 b) { return {vsubq_f32(a.v[0], b.v[0]), vsubq_f32(a.v[1], b.v[1])}; }
NANO_INLINE F8 operator*(F8 a, F8 b) { return {vmulq_f32(a.v[0], b.v[0]), vmulq_f32(a.v[1], b.v[1])}; }
NANO_INLINE F8 operator/(F8 a, F8 b) { return {vdivq_f32(a.v[0], b.v[0]), vdivq_f32(a.v[1], b.v[1])}; }
NANO_INLINE F8 MulAdd(F8 a, F8 b, F8 c) {  // a·b + c
  return {vfmaq_f32(c.v[0], a.v[0], b.v[0]), vfmaq_f32(c.v[1], a.v[1], b.v[1])};
}
NANO_INLINE F8 Sqrt(F8 a) { return {vsqrtq_f32(a.v[0]), vsqrtq_f32(a.v[1])}; }
NANO_INLINE F8 Max(F8 a, F8 b) {  // b where either is NaN
  return {vbslq_f32(vcgtq_f32(a.v[0], b.v[0]), a.v[0], b.v[0]), vbslq_f32(vcgtq_f32(a.v[1], b.v[1]), a.v[1], b.v[1])};
}
NANO_INLINE F8 Min(F8 a, F8 b) {  // b where either is NaN
  return {vbslq_f32(vcltq_f32(a.v[0], b.v[0]), a.v[0], b.v[0]), vbslq_f32(vcltq_f32(a.v[1], b.v[1]), a.v[1], b.v[1])};
}

NANO_INLINE I8 BitsOf(F8 a) { return {vreinterpretq_u32_f32(a.v[0]), vreinterpretq_u32_f32(a.v[1])}; }
NANO_INLINE F8 FromBits(I8 a) { return {vreinterpretq_f32_u32(a.v[0]), vreinterpretq_f32_u32(a.v[1])}; }

// Comparisons set each lane to all ones or all zeros. And keeps the lanes where the mask is set,
// AndNot those where it isn't.
NANO_INLINE F8 Greater(F8 a, F8 b) { return FromBits({vcgtq_f32(a.v[0], b.v[0]), vcgtq_f32(a.v[1], b.v[1])}); }
NANO_INLINE F8 LessEqual(F8 a, F8 b) { return FromBits({vcleq_f32(a.v[0], b.v[0]), vcleq_f32(a.v[1], b.v[1])}); }
NANO_INLINE F8 And(F8 mask, F8 a) {
  const I8 m = BitsOf(mask), x = BitsOf(a);
  return FromBits({vandq_u32(m.v[0], x.v[0]), vandq_u32(m.v[1], x.v[1])});
}
NANO_INLINE F8 AndNot(F8 mask, F8 a) {
  const I8 m = BitsOf(mask), x = BitsOf(a);
  return FromBits({vbicq_u32(x.v[0], m.v[0]), vbicq_u32(x.v[1], m.v[1])});
}
// a where the mask is set, b elsewhere.
NANO_INLINE F8 Select(F8 mask, F8 a, F8 b) {
  const I8 m = BitsOf(mask);
  return {vbslq_f32(m.v[0], a.v[0], b.v[0]), vbslq_f32(m.v[1], a.v[1], b.v[1])};
}

// The sum of the lanes in the order that simd.h documents, and the largest lane, which may ignore a
// NaN.
NANO_INLINE float Sum(F8 a) {
  const float32x4_t four = vaddq_f32(a.v[0], a.v[1]);
  const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
NANO_INLINE float Largest(F8 a) { return vmaxnmvq_f32(vmaxnmq_f32(a.v[0], a.v[1])); }
NANO_INLINE float FirstLane(F8 a) { return vgetq_lane_f32(a.v[0], 0); }

NANO_INLINE I8 SetInt(int32_t x) {
  const uint32x4_t v = vdupq_n_u32(static_cast<uint32_t>(x));
  return {v, v};
}
NANO_INLINE I8 LoadInt(const uint32_t* p) { return {vld1q_u32(p), vld1q_u32(p + 4)}; }
NANO_INLINE I8 operator+(I8 a, I8 b) { return {vaddq_u32(a.v[0], b.v[0]), vaddq_u32(a.v[1], b.v[1])}; }
NANO_INLINE I8 operator-(I8 a, I8 b) { return {vsubq_u32(a.v[0], b.v[0]), vsubq_u32(a.v[1], b.v[1])}; }
NANO_INLINE I8 operator^(I8 a, I8 b) { return {veorq_u32(a.v[0], b.v[0]), veorq_u32(a.v[1], b.v[1])}; }
template <int kBits>
NANO_INLINE I8 ShiftLeft(I8 a) {
  return {vshlq_n_u32(a.v[0], kBits), vshlq_n_u32(a.v[1], kBits)};
}
template <int kBits>
NANO_INLINE uint32x4_t ShiftRightHalf(uint32x4_t a) {
  return vreinterpretq_u32_s32(vshrq_n_s32(vreinterpretq_s32_u32(a), kBits));
}
template <int kBits>
NANO_INLINE I8 ShiftRight(I8 a) {  // keeps the sign
  return {ShiftRightHalf<kBits>(a.v[0]), ShiftRightHalf<kBits>(a.v[1])};
}

// The unsigned 64-bit product a·b as high and low words.
NANO_INLINE void MulWide(I8 a, I8 b, I8& high, I8& low) {
  for (int i = 0; i < 2; ++i) {
    const uint32x4_t first = vreinterpretq_u32_u64(vmull_u32(vget_low_u32(a.v[i]), vget_low_u32(b.v[i])));
    const uint32x4_t second = vreinterpretq_u32_u64(vmull_high_u32(a.v[i], b.v[i]));
    low.v[i] = vuzp1q_u32(first, second);
    high.v[i] = vuzp2q_u32(first, second);
  }
}
// Unsigned a ≥ b as a mask.
NANO_INLINE F8 AtLeast(I8 a, I8 b) { return FromBits({vcgeq_u32(a.v[0], b.v[0]), vcgeq_u32(a.v[1], b.v[1])}); }

#define NANO_PAIRS(expression)                          \
  D8 result;                                            \
  for (int i = 0; i < 4; ++i) result.v[i] = expression; \
  return result

NANO_INLINE D8 SetDouble(double x) { NANO_PAIRS(vdupq_n_f64(x)); }
NANO_INLINE D8 Widen(F8 a) {
  return {vcvt_f64_f32(vget_low_f32(a.v[0])), vcvt_high_f64_f32(a.v[0]), vcvt_f64_f32(vget_low_f32(a.v[1])),
          vcvt_high_f64_f32(a.v[1])};
}
NANO_INLINE D8 LoadDouble(const double* p) { NANO_PAIRS(vld1q_f64(p + 2 * i)); }
NANO_INLINE void StoreDouble(double* p, D8 x) {
  for (int i = 0; i < 4; ++i) vst1q_f64(p + 2 * i, x.v[i]);
}
NANO_INLINE D8 operator+(D8 a, D8 b) { NANO_PAIRS(vaddq_f64(a.v[i], b.v[i])); }
NANO_INLINE D8 operator-(D8 a, D8 b) { NANO_PAIRS(vsubq_f64(a.v[i], b.v[i])); }
NANO_INLINE D8 operator*(D8 a, D8 b) { NANO_PAIRS(vmulq_f64(a.v[i], b.v[i])); }
NANO_INLINE D8 operator/(D8 a, D8 b) { NANO_PAIRS(vdivq_f64(a.v[i], b.v[i])); }
NANO_INLINE D8 Max(D8 a, D8 b) { NANO_PAIRS(vmaxq_f64(a.v[i], b.v[i])); }
// x where a ≥ b, otherwise 0.
NANO_INLINE D8 WhereAtLeast(D8 a, D8 b, D8 x) {
  NANO_PAIRS(vreinterpretq_f64_u64(vandq_u64(vcgeq_f64(a.v[i], b.v[i]), vreinterpretq_u64_f64(x.v[i]))));
}
// Rounds towards zero.
NANO_INLINE D8 Truncate(D8 a) { NANO_PAIRS(vrndq_f64(a.v[i])); }
NANO_INLINE D8 ShiftLeft52(D8 a) {  // the bits of each lane
  NANO_PAIRS(vreinterpretq_f64_u64(vshlq_n_u64(vreinterpretq_u64_f64(a.v[i]), 52)));
}
// In the order of the sum of F8.
NANO_INLINE double Sum(D8 a) {
  const float64x2_t two = vaddq_f64(vaddq_f64(a.v[0], a.v[2]), vaddq_f64(a.v[1], a.v[3]));
  return vgetq_lane_f64(two, 0) + vgetq_lane_f64(two, 1);
}

#undef NANO_PAIRS

NANO_INLINE void Transpose4(uint32x4_t& a, uint32x4_t& b, uint32x4_t& c, uint32x4_t& d) {
  const uint32x4_t ab0 = vtrn1q_u32(a, b), ab1 = vtrn2q_u32(a, b), cd0 = vtrn1q_u32(c, d), cd1 = vtrn2q_u32(c, d);
  a = vreinterpretq_u32_u64(vtrn1q_u64(vreinterpretq_u64_u32(ab0), vreinterpretq_u64_u32(cd0)));
  b = vreinterpretq_u32_u64(vtrn1q_u64(vreinterpretq_u64_u32(ab1), vreinterpretq_u64_u32(cd1)));
  c = vreinterpretq_u32_u64(vtrn2q_u64(vreinterpretq_u64_u32(ab0), vreinterpretq_u64_u32(cd0)));
  d = vreinterpretq_u32_u64(vtrn2q_u64(vreinterpretq_u64_u32(ab1), vreinterpretq_u64_u32(cd1)));
}

// Lane i of w[0..3] holds the four words of block kBlockOfLane[i]. OrderBlocks sorts all 32 words
// by block.
constexpr uint32_t kBlockOfLane[8] = {0, 2, 4, 6, 1, 3, 5, 7};
NANO_INLINE void OrderBlocks(I8 (&w)[4]) {
  for (int i = 0; i < 2; ++i) Transpose4(w[0].v[i], w[1].v[i], w[2].v[i], w[3].v[i]);
}

// Lane j of r[i] becomes lane i of r[j].
NANO_INLINE void Transpose(F8 (&r)[8]) {
  I8 t[8];
  for (int i = 0; i < 8; ++i) t[i] = BitsOf(r[i]);
  for (int half = 0; half < 2; ++half) {
    Transpose4(t[0].v[half], t[1].v[half], t[2].v[half], t[3].v[half]);
    Transpose4(t[4].v[half], t[5].v[half], t[6].v[half], t[7].v[half]);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = FromBits({t[i].v[0], t[i + 4].v[0]});
    r[i + 4] = FromBits({t[i].v[1], t[i + 4].v[1]});
  }
}

}  // namespace nano::cpu::NANO_ISA
