// Included first when kernels are compiled for the race detector. It reroutes memory copies and
// fills through the detector, because the instrumentation does not see inside those functions.
#pragma once

extern "C" {
void* memcpy(void* __restrict to, const void* __restrict from, __SIZE_TYPE__ n) noexcept __asm__("__tsan_memcpy");
void* memmove(void* to, const void* from, __SIZE_TYPE__ n) noexcept __asm__("__tsan_memmove");
void* memset(void* to, int value, __SIZE_TYPE__ n) noexcept __asm__("__tsan_memset");
}
