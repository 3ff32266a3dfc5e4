// Implements the eight-lane vectors of simd.h with AVX2 and FMA. Only simd.h includes this file.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "engine/inline.h"

namespace nano::cpu::NANO_ISA {

struct F8 {
  __m256 v;
};
struct I8 {
  __m256i v;
};
struct D8 {
  __m256d v[2];
};

NANO_INLINE __m256i FirstLanes(int64_t n) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kLaneMasks + 8 - n));
}

NANO_INLINE F8 Set(float x) { return {_mm256_set1_ps(x)}; }
NANO_INLINE F8 Load(const float* p) { return {_mm256_loadu_ps(p)}; }
NANO_INLINE void Store(float* p, F8 x) { _mm256_storeu_ps(p, x.v); }
// Prefetches the cache line of p into the L1 cache, and into the L2 cache.
NANO_INLINE void Prefetch(const float* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0); }
NANO_INLINE void PrefetchFar(const float* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T1); }
// Load or store the first n lanes, 0 ≤ n ≤ 8. Lanes that are not loaded are 0.
NANO_INLINE F8 LoadSome(const float* p, int64_t n) { return {_mm256_maskload_ps(p, FirstLanes(n))}; }
NANO_INLINE void StoreSome(float* p, int64_t n, F8 x) { _mm256_maskstore_ps(p, FirstLanes(n), x.v); }

NANO_INLINE F8 operator+(F8 a, F8 b) { return {_mm256_add_ps(a.v, b.v)}; }
NANO_INLINE F8 operator-(F8 a, F8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
NANO_INLINE F8 operator*(F8 a, F8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
NANO_INLINE F8 operator/(F8 a, F8 b) { return {_mm256_div_ps(a.v, b.v)}; }
NANO_INLINE F8 MulAdd(F8 a, F8 b, F8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }  // a·b + c
NANO_INLINE F8 Sqrt(F8 a) { return {_mm256_sqrt_ps(a.v)}; }
NANO_INLINE F8 Max(F8 a, F8 b) { return {_mm256_max_ps(a.v, b.v)}; }  // b where either is NaN
NANO_INLINE F8 Min(F8 a, F8 b) { return {_mm256_min_ps(a.v, b.v)}; }  // b where either is NaN

// Comparisons set each lane to all ones or all zeros. And keeps the lanes where the mask is set,
// AndNot those where it isn't.
NANO_INLINE F8 Greater(F8 a, F8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}; }
NANO_INLINE F8 LessEqual(F8 a, F8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
NANO_INLINE F8 And(F8 mask, F8 a) { return {_mm256_and_ps(mask.v, a.v)}; }
NANO_INLINE F8 AndNot(F8 mask, F8 a) { return {_mm256_andnot_ps(mask.v, a.v)}; }
// a where the mask is set, b elsewhere.
NANO_INLINE F8 Select(F8 mask, F8 a, F8 b) { return {_mm256_blendv_ps(b.v, a.v, mask.v)}; }

// The sum of the lanes in the order that simd.h documents, and the largest lane, which may ignore a
// NaN.
NANO_INLINE float Sum(F8 a) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
NANO_INLINE float Largest(F8 a) {
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}
NANO_INLINE float FirstLane(F8 a) { return _mm256_cvtss_f32(a.v); }

NANO_INLINE I8 SetInt(int32_t x) { return {_mm256_set1_epi32(x)}; }
NANO_INLINE I8 LoadInt(const uint32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
NANO_INLINE I8 operator+(I8 a, I8 b) { return {_mm256_add_epi32(a.v, b.v)}; }
NANO_INLINE I8 operator-(I8 a, I8 b) { return {_mm256_sub_epi32(a.v, b.v)}; }
NANO_INLINE I8 operator^(I8 a, I8 b) { return {_mm256_xor_si256(a.v, b.v)}; }
template <int kBits>
NANO_INLINE I8 ShiftLeft(I8 a) {
  return {_mm256_slli_epi32(a.v, kBits)};
}
template <int kBits>
NANO_INLINE I8 ShiftRight(I8 a) {  // keeps the sign
  return {_mm256_srai_epi32(a.v, kBits)};
}
NANO_INLINE I8 BitsOf(F8 a) { return {_mm256_castps_si256(a.v)}; }
NANO_INLINE F8 FromBits(I8 a) { return {_mm256_castsi256_ps(a.v)}; }

// The unsigned 64-bit product a·b as high and low words. All lanes of b are equal.
NANO_INLINE void MulWide(I8 a, I8 b, I8& high, I8& low) {
  const __m256i even = _mm256_mul_epu32(a.v, b.v);
  const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a.v, 32), b.v);  // uses that b's lanes are all equal
  high.v = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
  low.v = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}
// Unsigned a ≥ b as a mask.
NANO_INLINE F8 AtLeast(I8 a, I8 b) {
  return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_max_epu32(a.v, b.v), a.v))};
}

NANO_INLINE D8 SetDouble(double x) { return {_mm256_set1_pd(x), _mm256_set1_pd(x)}; }
NANO_INLINE D8 Widen(F8 a) {
  return {_mm256_cvtps_pd(_mm256_castps256_ps128(a.v)), _mm256_cvtps_pd(_mm256_extractf128_ps(a.v, 1))};
}
NANO_INLINE D8 LoadDouble(const double* p) { return {_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}; }
NANO_INLINE void StoreDouble(double* p, D8 x) {
  _mm256_storeu_pd(p, x.v[0]);
  _mm256_storeu_pd(p + 4, x.v[1]);
}
NANO_INLINE D8 operator+(D8 a, D8 b) { return {_mm256_add_pd(a.v[0], b.v[0]), _mm256_add_pd(a.v[1], b.v[1])}; }
NANO_INLINE D8 operator-(D8 a, D8 b) { return {_mm256_sub_pd(a.v[0], b.v[0]), _mm256_sub_pd(a.v[1], b.v[1])}; }
NANO_INLINE D8 operator*(D8 a, D8 b) { return {_mm256_mul_pd(a.v[0], b.v[0]), _mm256_mul_pd(a.v[1], b.v[1])}; }
NANO_INLINE D8 operator/(D8 a, D8 b) { return {_mm256_div_pd(a.v[0], b.v[0]), _mm256_div_pd(a.v[1], b.v[1])}; }
NANO_INLINE D8 Max(D8 a, D8 b) { return {_mm256_max_pd(a.v[0], b.v[0]), _mm256_max_pd(a.v[1], b.v[1])}; }
// x where a ≥ b, otherwise 0.
NANO_INLINE D8 WhereAtLeast(D8 a, D8 b, D8 x) {
  return {_mm256_and_pd(_mm256_cmp_pd(a.v[0], b.v[0], _CMP_GE_OQ), x.v[0]),
          _mm256_and_pd(_mm256_cmp_pd(a.v[1], b.v[1], _CMP_GE_OQ), x.v[1])};
}
// Rounds towards zero.
NANO_INLINE D8 Truncate(D8 a) {
  constexpr int kHow = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;
  return {_mm256_round_pd(a.v[0], kHow), _mm256_round_pd(a.v[1], kHow)};
}
NANO_INLINE D8 ShiftLeft52(D8 a) {  // the bits of each lane
  return {_mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(a.v[0]), 52)),
          _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(a.v[1]), 52))};
}
// In the order of the sum of F8.
NANO_INLINE double Sum(D8 a) {
  const __m256d four = _mm256_add_pd(a.v[0], a.v[1]);
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

// Lane i of w[0..3] holds the four words of block kBlockOfLane[i]. OrderBlocks sorts all 32 words
// by block.
constexpr uint32_t kBlockOfLane[8] = {0, 2, 4, 6, 1, 3, 5, 7};
NANO_INLINE void OrderBlocks(I8 (&w)[4]) {
  const __m256i a = _mm256_unpacklo_epi32(w[0].v, w[1].v), b = _mm256_unpacklo_epi32(w[2].v, w[3].v);
  const __m256i c = _mm256_unpackhi_epi32(w[0].v, w[1].v), d = _mm256_unpackhi_epi32(w[2].v, w[3].v);
  w[0].v = _mm256_unpacklo_epi64(a, b);
  w[1].v = _mm256_unpackhi_epi64(a, b);
  w[2].v = _mm256_unpacklo_epi64(c, d);
  w[3].v = _mm256_unpackhi_epi64(c, d);
}

// Lane j of r[i] becomes lane i of r[j].
NANO_INLINE void Transpose(F8 (&r)[8]) {
  __m256 t[8], u[8];
  for (int i = 0; i < 4; ++i) {
    t[2 * i] = _mm256_unpacklo_ps(r[2 * i].v, r[2 * i + 1].v);
    t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i].v, r[2 * i + 1].v);
  }
  for (int i = 0; i < 2; ++i) {
    u[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    u[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xEE);
    u[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    u[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xEE);
  }
  for (int i = 0; i < 4; ++i) {
    r[i].v = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4].v = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}

}  // namespace nano::cpu::NANO_ISA
