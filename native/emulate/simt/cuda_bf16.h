// The part of CUDA's cuda_bf16.h that the kernels use.
#pragma once
#include "simt.h"

// The type has no constructor, not even a defaulted one: for a __shared__ array of such a type in a
// template, g++ creates a guard variable in the same storage that simt.cc poisons.
struct __nv_bfloat16 {
  unsigned short bits;
};
struct __align__(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;
};

inline __nv_bfloat16 __float2bfloat16(float v) {  // rounds to nearest, ties to even
  unsigned u = __float_as_uint(v);
  __nv_bfloat16 r;
  r.bits = v != v ? 0x7FFF : static_cast<unsigned short>((u + 0x7FFF + (u >> 16 & 1)) >> 16);
  return r;
}
inline float __bfloat162float(__nv_bfloat16 v) { return __uint_as_float(unsigned(v.bits) << 16); }
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) { return {__float2bfloat16(x), __float2bfloat16(y)}; }
inline float __low2float(__nv_bfloat162 v) { return __bfloat162float(v.x); }
inline float __high2float(__nv_bfloat162 v) { return __bfloat162float(v.y); }
