// Products with few rows, as in generation. Every element of b is read once, which takes most of
// the time.
#include "metal/gemm.h"
#if defined(__METAL_VERSION__)

constant uint kRows [[function_constant(9)]];  // of c, at most kMostRows

constant constexpr uint kMostRows = 8;

// Element i of operand `number`, or elements i to i + 3 of the n (0 past the end), converted for
// the product.
inline float Rounded(float value) { return kTf32 != 0 ? ToTf32(value) : value; }
inline bool IsF16(uint number) { return (kDtypes >> (2 * number) & 3) == 2; }
inline float Term(device const float* x, uint number, uint i) {
  return IsF16(number) ? float(((device const half*)x)[i]) : Rounded(FloatsIn(x, number).Get(i));
}
inline float4 FourTerms(device const float* x, uint number, uint i, uint n) {
  if (!IsF16(number)) {
    const float4 four = LoadQuad(FloatsIn(x, number), i, n);
    return kTf32 != 0 ? ToTf32(four) : four;
  }
  device const half* const at = (device const half*)x + i;
  if (i + kQuad <= n) return float4(half4(*(device const packed_half4*)at));
  float4 four = float4(0);
  for (uint e = 0; e < kQuad && i + e < n; ++e) four[e] = float(at[e]);
  return four;
}

// ---- b's terms are adjacent in memory: a simdgroup computes two columns, and its lanes share the
// terms in quads.
constant constexpr uint kAlongColumns = 2, kAlongSimdgroups = 4;

kernel void gemm_thin_along(device const Control& control [[buffer(0)]], constant GemmArguments& work [[buffer(1)]],
                            device float* c [[buffer(2)]], device const float* a [[buffer(3)]],
                            device const float* b [[buffer(4)]], device const float* bias [[buffer(5)]],
                            uint2 group [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]],
                            uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Place place = PlaceOf(work, group);
  const uint column = (place.tile_along * kAlongSimdgroups + simdgroup) * kAlongColumns;
  if (Stopped(control) || column >= work.n) return;
  const uint terms = place.last - place.first, columns = min(work.n - column, kAlongColumns);
  const uint begin_a = BeginOfA(work, place), row_step = kAcrossA != 0 ? 1 : work.a_stride;
  const uint begin_b = BeginOfB(work, place) + column * work.b_stride;
  const uint next_b = begin_b + (columns - 1) * work.b_stride;  // the same if there is no second
  float sums[kMostRows][kAlongColumns] = {};
#pragma unroll 2
  for (uint p = lane * kQuad; p < terms; p += kSimd * kQuad) {
    const float4 y = FourTerms(b, 2, begin_b + p, begin_b + terms), z = FourTerms(b, 2, next_b + p, next_b + terms);
    for (uint i = 0; i < kRows; ++i) {
      const uint at = begin_a + i * row_step;
      float4 x = float4(0);
      if (kAcrossA != 0) {
        for (uint e = 0; e < kQuad && p + e < terms; ++e) x[e] = Term(a, 1, at + (p + e) * work.a_stride);
      } else {
        x = FourTerms(a, 1, at + p, at + terms);
      }
      sums[i][0] += dot(x, y), sums[i][1] += dot(x, z);
    }
  }
  for (uint i = 0; i < kRows; ++i) {
    const float first = simd_sum(sums[i][0]), second = simd_sum(sums[i][1]);
    if (lane == i) Put(work, place, c, bias, i, column, columns, float4(first, second, 0.0f, 0.0f));
  }
}

// ---- b's columns are adjacent in memory: a lane computes one column, and the eight simdgroups
// share the terms, row by row. Then simdgroup i adds up row i of c.
constant constexpr uint kAcrossSimdgroups = 8;

kernel void gemm_thin_across(device const Control& control [[buffer(0)]], constant GemmArguments& work [[buffer(1)]],
                             device float* c [[buffer(2)]], device const float* a [[buffer(3)]],
                             device const float* b [[buffer(4)]], device const float* bias [[buffer(5)]],
                             uint2 group [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]],
                             uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  threadgroup float room[kAcrossSimdgroups][kMostRows][kSimd];
  if (Stopped(control)) return;
  const Place place = PlaceOf(work, group);
  const uint column = place.tile_along * kSimd + lane, terms = place.last - place.first;
  const uint row_step = kAcrossA != 0 ? 1 : work.a_stride, term_step = kAcrossA != 0 ? work.a_stride : 1;
  const uint begin_a = BeginOfA(work, place);
  const uint begin_b = BeginOfB(work, place) + min(column, work.n - 1);  // clamped to the last
  float sums[kMostRows] = {};
#pragma unroll 4
  for (uint p = simdgroup; p < terms; p += kAcrossSimdgroups) {
    const float y = Term(b, 2, begin_b + p * work.b_stride);
    for (uint i = 0; i < kRows; ++i) sums[i] += Term(a, 1, begin_a + i * row_step + p * term_step) * y;
  }
  for (uint i = 0; i < kRows; ++i) room[simdgroup][i][lane] = sums[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (simdgroup >= kRows || column >= work.n) return;
  float sum = room[0][simdgroup][lane];
  for (uint i = 1; i < kAcrossSimdgroups; ++i) sum += room[i][simdgroup][lane];
  Put(work, place, c, bias, simdgroup, column, 1, float4(sum, 0.0f, 0.0f, 0.0f));
}

#else  // the host's part
namespace nano::metal {

Outcome MultiplyThin(const Call& call, Message& message, const GemmWork& work) {
  constexpr int kAlongColumns = 2, kAlongSimdgroups = 4, kAcrossSimdgroups = 8, kSimd = 32;
  return work.across_b ? LaunchTiles(call, message, work, kThinRows, kSimd, kAcrossSimdgroups * kSimd,
                                     {"gemm_thin", "gemm_thin_across"})
                       : LaunchTiles(call, message, work, kThinRows, kAlongSimdgroups * kAlongColumns,
                                     kAlongSimdgroups * kSimd, {"gemm_thin", "gemm_thin_along"});
}

}  // namespace nano::metal
#endif
