// NANO_INLINE: inlined at every call. Kernel sources are compiled once for each instruction set, and a linker that met
// two copies of one inline function could keep the AVX2 one for all; a function that is always inlined leaves no copy
// behind. What kernels of a GPU use too is compiled for both sides.
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

// Metal's language says where a constant outside a function lies.
#if defined(__METAL_VERSION__)
#define NANO_CONSTANT constant constexpr
#else
#define NANO_CONSTANT constexpr
#endif
