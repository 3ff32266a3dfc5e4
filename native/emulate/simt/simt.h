// CUDA's device language for a plain C++20 compiler: every CUDA thread of a block is a fibre of one
// OS thread. Kernels never include this file by name; simt/cuda_runtime.h does, which precedes
// CUDA's own in the -I order.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/fibres.h"
#include "common/races.h"

#define SIMT_EMULATOR 1
#define __global__
#define __device__
#define __host__
#define __constant__
// Each OS thread has one copy of every __shared__ variable; simt.cc poisons all of them before
// each block. It is __thread, not thread_local: that needs no guard variables and forbids types
// with constructors, as CUDA does.
#define __shared__ static __thread
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
// (Do not define __noinline__: libstdc++ has an attribute of that name.)

using uint3 = emulate::Index;
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
struct __align__(8) float2 {
  float x, y;
};
struct __align__(16) float4 {
  float x, y, z, w;
};
struct __align__(8) uint2 {
  unsigned x, y;
};
struct __align__(16) uint4 {
  unsigned x, y, z, w;
};
struct __align__(16) int4 {
  int x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

inline uint3 &threadIdx = emulate::thread_index, &blockIdx = emulate::group_index;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

// The only name for dynamic shared memory; ptx.cuh declares it for nvcc.
extern __thread __align__(128) unsigned char dynamic_shared[];

// --- the emulator's interface
namespace simt {
using namespace emulate;

constexpr size_t kMaxDynamicShared = 163 * 1024;  // what sm_80 allows on request; sm_90 allows 227 KiB

// The emulator's helpers must not look like device code to the race detector. Because they are out
// of line, their return address is a line of the kernel.
#define SIMT_UNSANITIZED __attribute__((no_sanitize("thread")))
#define SIMT_RUNTIME SIMT_UNSANITIZED __attribute__((noinline))
#define SIMT_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define SIMT_PC __builtin_return_address(0)

// --- for host code and tests
struct Launch {
  dim3 grid, block;
  size_t dynamic_shared = 0;
  const void* kernel = nullptr;   // only for its name
  void (*body)(void*) = nullptr;  // called by every fibre
  void* args = nullptr;
  size_t args_size = 0;
};
void Run(const Launch& launch);  // runs the whole grid; throws Failure

// --- for device code
inline void BlockBarrier(Site site) { GroupBarrier(site); }
inline int ThreadInBlock() { return ThreadInGroup(); }
// cp.async of 16 bytes, or of zeros if `global` is null. Issuing the copy poisons the destination,
// and only the wait fills it.
void AsyncCopy16(void* shared, const void* global, const void* pc);
void AsyncCommit();
void AsyncWait(int groups_left);
inline bool IsShared(const void* address) { return shared_range.has(address); }

// --- implementation of the intrinsics below
template <class T>
struct ShuffleOperands {
  T value, result;
  int source;
};
template <class T>
T Shuffle(const char* name, unsigned mask, T value, int source, Site site) {
  ShuffleOperands<T> mine{value, value, source};
  Collective(
      name, mask, &mine,
      [](void* const* operands, unsigned mask) {
        for (int i = 0; i < 32; ++i)
          if (mask >> i & 1) {
            auto* o = static_cast<ShuffleOperands<T>*>(operands[i]);
            if (!(mask >> o->source & 1))
              Fail("shuffle: lane %d reads lane %d, which is not in mask %08x", i, o->source, mask);
            o->result = static_cast<ShuffleOperands<T>*>(operands[o->source])->value;
          }
      },
      site);
  return mine.result;
}
struct VoteOperands {
  bool vote;
  unsigned ballot;
};
unsigned Ballot(const char* name, unsigned mask, bool vote, Site site);

template <class T, class F>
SIMT_RUNTIME T Atomic(T* address, F update, const void* pc) {
  Touch(address, sizeof(T), Kind::kAtomic, pc);
  T old = *address;
  *address = update(old);
  Yield();  // lets the other threads run while one spins
  return old;
}
}  // namespace simt

// --- what kernels use
inline void __syncthreads(SIMT_SITE) { simt::BlockBarrier({file, line}); }
inline void __syncwarp(unsigned mask = ~0u, SIMT_SITE) { simt::WarpBarrier("__syncwarp", mask, {file, line}); }
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
T __shfl_sync(unsigned mask, T v, int source, int width = 32, SIMT_SITE) {
  return simt::Shuffle("__shfl_sync", mask, v, (simt::Lane() & ~(width - 1)) | (source & (width - 1)), {file, line});
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int x, int width = 32, SIMT_SITE) {
  int me = simt::Lane(), source = me ^ x;
  return simt::Shuffle("__shfl_xor_sync", mask, v, source < (me & ~(width - 1)) + width ? source : me, {file, line});
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned d, int width = 32, SIMT_SITE) {
  int me = simt::Lane(), source = me + int(d);
  return simt::Shuffle("__shfl_down_sync", mask, v, source < (me & ~(width - 1)) + width ? source : me, {file, line});
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned d, int width = 32, SIMT_SITE) {
  int me = simt::Lane(), source = me - int(d);
  return simt::Shuffle("__shfl_up_sync", mask, v, source >= (me & ~(width - 1)) ? source : me, {file, line});
}
inline unsigned __ballot_sync(unsigned mask, int vote, SIMT_SITE) {
  return simt::Ballot("__ballot_sync", mask, vote, {file, line});
}
inline int __any_sync(unsigned mask, int vote, SIMT_SITE) {
  return simt::Ballot("__any_sync", mask, vote, {file, line}) != 0;
}
inline int __all_sync(unsigned mask, int vote, SIMT_SITE) {
  return simt::Ballot("__all_sync", mask, !vote, {file, line}) == 0;
}

template <class T>
T __ldg(const T* p) {
  simt::MaybeYield();
  return *p;
}
template <class T>
SIMT_RUNTIME T atomicAdd(T* p, T v) {
  return simt::Atomic(
      p, [=](T o) { return T(o + v); }, SIMT_PC);
}
template <class T>
SIMT_RUNTIME T atomicMax(T* p, T v) {
  return simt::Atomic(
      p, [=](T o) { return o > v ? o : v; }, SIMT_PC);
}
template <class T>
SIMT_RUNTIME T atomicMin(T* p, T v) {
  return simt::Atomic(
      p, [=](T o) { return o < v ? o : v; }, SIMT_PC);
}
template <class T>
SIMT_RUNTIME T atomicOr(T* p, T v) {
  return simt::Atomic(
      p, [=](T o) { return o | v; }, SIMT_PC);
}
template <class T>
SIMT_RUNTIME T atomicExch(T* p, T v) {
  return simt::Atomic(
      p, [=](T) { return v; }, SIMT_PC);
}
template <class T>
SIMT_RUNTIME T atomicCAS(T* p, T expected, T v) {
  return simt::Atomic(
      p, [=](T o) { return o == expected ? v : o; }, SIMT_PC);
}

inline float __expf(float x) { return std::exp(x); }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
inline float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
template <class T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}
