// What this processor supports. CMakeLists.txt asks it too, for a build for one machine.
#pragma once

#if defined(_MSC_VER) && !defined(__clang__) && defined(_M_X64)
#include <immintrin.h>
#include <intrin.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

namespace nano::cpu {

#if defined(__x86_64__) || defined(_M_X64)
// Whether the processor supports AVX2 and FMA and the operating system saves their registers.
inline bool HasAvx2() {
#if defined(_MSC_VER) && !defined(__clang__)
  int leaf1[4], leaf7[4];
  __cpuidex(leaf1, 1, 0);
  __cpuidex(leaf7, 7, 0);
  const bool saved = (leaf1[2] & 1 << 27) != 0 && (_xgetbv(0) & 6) == 6;
  return saved && (leaf1[2] & 1 << 12) != 0 && (leaf7[1] & 1 << 5) != 0;
#else
  // Not __builtin_cpu_supports: not every compiler's runtime library has its data.
  unsigned a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0 || (c & bit_FMA) == 0) return false;
  unsigned saved, upper;
  __asm__ volatile("xgetbv" : "=a"(saved), "=d"(upper) : "c"(0));
  return (saved & 6) == 6 && __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_AVX2) != 0;
#endif
}
#endif

}  // namespace nano::cpu
