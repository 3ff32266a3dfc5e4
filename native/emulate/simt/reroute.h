// Included before everything else when kernels are compiled for the race detector: what they copy and fill goes through
// it, as the instrumentation doesn't see what happens inside of these functions.
#pragma once

extern "C" {
void* memcpy(void* __restrict to, const void* __restrict from, __SIZE_TYPE__ n) noexcept __asm__("__tsan_memcpy");
void* memmove(void* to, const void* from, __SIZE_TYPE__ n) noexcept __asm__("__tsan_memmove");
void* memset(void* to, int value, __SIZE_TYPE__ n) noexcept __asm__("__tsan_memset");
}
