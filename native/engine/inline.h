// NANO_INLINE forces inlining at every call. Kernel sources are compiled once for each instruction
// set. A linker that finds several copies of one inline function may keep the AVX2 copy for all of
// them; a function that is always inlined leaves no copy. GPU kernels use some of these functions
// too, so CUDA compiles them for both host and device.
#pragma once

#if defined(__CUDACC__)
#define NANO_INLINE __host__ __device__ __forceinline__
#elif defined(__METAL_VERSION__)
#define NANO_INLINE inline
#elif defined(_MSC_VER) && !defined(__clang__)
#define NANO_INLINE __forceinline
#else
#define NANO_INLINE inline __attribute__((always_inline))
#endif

// Metal requires an address space for a constant outside a function.
#if defined(__METAL_VERSION__)
#define NANO_CONSTANT constant constexpr
#else
#define NANO_CONSTANT constexpr
#endif
