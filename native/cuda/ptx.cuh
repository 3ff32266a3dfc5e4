// Every PTX instruction that kernels use, each next to its host implementation for the emulator. No
// other file contains asm. Element layouts are those of the PTX ISA, "Matrix fragments for mma", as
// (row, column) with g = lane / 4 and t = lane % 4. 2t.. means two elements per register, at 2t and
// 2t + 1:
// - bf16 A 16x16:  a[0] (g, 2t..)  a[1] (g+8, 2t..)  a[2] (g, 2t+8..)  a[3] (g+8, 2t+8..)
// - bf16 B 16x8:   b[0] (2t.., g)  b[1] (2t+8.., g)
// - tf32 A 16x8:   a[0] (g, t)  a[1] (g+8, t)  a[2] (g, t+4)  a[3] (g+8, t+4)
// - tf32 B 8x8:    b[0] (t, g)  b[1] (t+4, g)
// - f32 C, D 16x8: c[0], c[1] (g, 2t..)  c[2], c[3] (g+8, 2t..)
#pragma once
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#ifndef SIMT_EMULATOR  // the emulator has its own array of this name
extern __shared__ __align__(128) unsigned char dynamic_shared[];
#endif

namespace ptx {

#ifndef SIMT_EMULATOR
#define PTX_DEVICE __device__ __forceinline__
PTX_DEVICE unsigned shared_address(const void* p) { return static_cast<unsigned>(__cvta_generic_to_shared(p)); }
#else
#define PTX_DEVICE SIMT_RUNTIME inline  // not inlined: the return address identifies the kernel's line
namespace twin {

// c += a b, with a row-major 16 x K a and a K x 8 b. Operands are gathered from the fragments of 32
// lanes, and results are scattered to them.
typedef float Row8 __attribute__((vector_size(32)));
struct Mma {
  float (*d)[4];
  const unsigned (*a)[4];
  const unsigned (*b)[2];
};

template <int K, class Unpack>
SIMT_RUNTIME void mma(void* const* operands, Unpack unpack) {
  float a[16][K];
  alignas(32) float b[K][8], c[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const Mma& o = *static_cast<const Mma*>(operands[lane]);
    int g = lane / 4, t = lane % 4;
    unpack(o, g, t, a, b);
    for (int i = 0; i < 4; ++i) c[g + i / 2 * 8][2 * t + i % 2] = (*o.d)[i];
  }
  Row8 rows[K];
  std::memcpy(rows, b, sizeof b);
  for (int i = 0; i < 16; i += 4) {  // four rows at a time hide the latency of the additions
    Row8 sum[4];
    std::memcpy(sum, c[i], sizeof sum);
    for (int k = 0; k < K; ++k)
      for (int r = 0; r < 4; ++r) sum[r] += a[i + r][k] * rows[k];
    std::memcpy(c[i], sum, sizeof sum);
  }
  for (int lane = 0; lane < 32; ++lane) {
    const Mma& o = *static_cast<const Mma*>(operands[lane]);
    int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) (*o.d)[i] = c[g + i / 2 * 8][2 * t + i % 2];
  }
}
inline float low(unsigned v) { return __uint_as_float(v << 16); }
inline float high(unsigned v) { return __uint_as_float(v & 0xFFFF0000u); }
inline float tf32(unsigned v) { return __uint_as_float(v & 0xFFFFE000u); }  // the hardware ignores the low 13 bits

struct Ldmatrix {
  unsigned (*d)[4];
  const void* row;
  const void* pc;
  int thread;
  bool trans;
};
SIMT_RUNTIME inline void ldmatrix(void* const* operands, unsigned) {
  const uint16_t* rows[32];
  for (int i = 0; i < 32; ++i) {
    const Ldmatrix& o = *static_cast<const Ldmatrix*>(operands[i]);
    rows[i] = static_cast<const uint16_t*>(o.row);
    if (!simt::IsShared(o.row)) simt::Fail("ldmatrix: the address of lane %d is not in shared memory", i);
    if (reinterpret_cast<uintptr_t>(o.row) & 15)
      simt::Fail("ldmatrix: the address of lane %d is not a multiple of 16", i);
    simt::Touch(o.row, 16, simt::Kind::kRead, o.pc, o.thread);
  }
  for (int lane = 0; lane < 32; ++lane) {
    const Ldmatrix& o = *static_cast<const Ldmatrix*>(operands[lane]);
    int g = lane / 4, t = lane % 4;
    for (int m = 0; m < 4; ++m)  // lanes 8m..8m+7 hold the addresses of the rows of matrix m
      (*o.d)[m] = o.trans ? rows[8 * m + 2 * t][g] | unsigned(rows[8 * m + 2 * t + 1][g]) << 16
                          : rows[8 * m + g][2 * t] | unsigned(rows[8 * m + g][2 * t + 1]) << 16;
  }
}
}  // namespace twin
#endif

// --- d += a b, bf16 inputs, 16x8x16
#ifndef SIMT_EMULATOR
PTX_DEVICE void mma_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#else
PTX_DEVICE void mma_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], SIMT_SITE) {
  twin::Mma mine{&d, &a, &b};
  simt::Collective("mma.m16n8k16.bf16", ~0u, &mine,
                   [](void* const* operands, unsigned) {
                     twin::mma<16>(operands,
                                   [](const twin::Mma& o, int g, int t, float(*a)[16], float(*b)[8]) SIMT_UNSANITIZED {
                                     for (int i = 0; i < 4; ++i) {
                                       int row = g + i % 2 * 8, column = 2 * t + i / 2 * 8;
                                       a[row][column] = twin::low((*o.a)[i]);
                                       a[row][column + 1] = twin::high((*o.a)[i]);
                                     }
                                     for (int i = 0; i < 2; ++i) {
                                       b[2 * t + i * 8][g] = twin::low((*o.b)[i]);
                                       b[2 * t + i * 8 + 1][g] = twin::high((*o.b)[i]);
                                     }
                                   });
                   },
                   {file, line});
}
#endif

// --- d += a b, tf32 inputs (fp32 registers, low 13 bits ignored), 16x8x8
#ifndef SIMT_EMULATOR
PTX_DEVICE void mma_tf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#else
PTX_DEVICE void mma_tf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], SIMT_SITE) {
  twin::Mma mine{&d, &a, &b};
  simt::Collective("mma.m16n8k8.tf32", ~0u, &mine,
                   [](void* const* operands, unsigned) {
                     twin::mma<8>(operands,
                                  [](const twin::Mma& o, int g, int t, float(*a)[8], float(*b)[8]) SIMT_UNSANITIZED {
                                    for (int i = 0; i < 4; ++i) a[g + i % 2 * 8][t + i / 2 * 4] = twin::tf32((*o.a)[i]);
                                    for (int i = 0; i < 2; ++i) b[t + i * 4][g] = twin::tf32((*o.b)[i]);
                                  });
                   },
                   {file, line});
}
#endif

// --- fp32 to tf32, to nearest, ties away from zero
#ifndef SIMT_EMULATOR
PTX_DEVICE unsigned to_tf32(float x) {
  unsigned r;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
  return r;
}
#else
PTX_DEVICE unsigned to_tf32(float x) {
  const unsigned bits = __float_as_uint(x);
  return x != x ? 0x7FFFFFFFu : std::isinf(x) ? bits : (bits + 0x1000u) & 0xFFFFE000u;
}
#endif

// --- four 8x8 matrices of 16-bit elements from shared memory; lane i passes the address of row i %
// 8 of matrix i / 8
#ifndef SIMT_EMULATOR
PTX_DEVICE void ldmatrix_x4(unsigned (&d)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(shared_address(row))
               : "memory");
}
PTX_DEVICE void ldmatrix_x4_trans(unsigned (&d)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(shared_address(row))
               : "memory");
}
#else
PTX_DEVICE void ldmatrix_x4(unsigned (&d)[4], const void* row, SIMT_SITE) {
  twin::Ldmatrix mine{&d, row, SIMT_PC, simt::ThreadInBlock(), false};
  simt::Collective("ldmatrix.x4", ~0u, &mine, twin::ldmatrix, {file, line});
}
PTX_DEVICE void ldmatrix_x4_trans(unsigned (&d)[4], const void* row, SIMT_SITE) {
  twin::Ldmatrix mine{&d, row, SIMT_PC, simt::ThreadInBlock(), true};
  simt::Collective("ldmatrix.x4.trans", ~0u, &mine, twin::ldmatrix, {file, line});
}
#endif

// --- copies 16 bytes from global to shared memory without passing through registers; writes zeros
// if not `wanted`
#ifndef SIMT_EMULATOR
PTX_DEVICE void cp_async16(void* shared, const void* global, bool wanted = true) {
  asm volatile(
      "{ .reg .pred ignore; setp.eq.s32 ignore, %2, 0; cp.async.cg.shared.global [%0], [%1], 16, ignore; }" ::"r"(
          shared_address(shared)),
      "l"(__cvta_generic_to_global(global)), "r"(int(wanted))
      : "memory");
}
PTX_DEVICE void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kLeft>
PTX_DEVICE void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kLeft) : "memory");
}
#else
PTX_DEVICE void cp_async16(void* shared, const void* global, bool wanted = true) {
  simt::AsyncCopy16(shared, wanted ? global : nullptr, SIMT_PC);
}
PTX_DEVICE void cp_async_commit() { simt::AsyncCommit(); }
template <int kLeft>
PTX_DEVICE void cp_async_wait() {
  simt::AsyncWait(kLeft);
}
#endif

// --- 2^x, with 2 bits less precision than f32; denormal results become 0
#ifndef SIMT_EMULATOR
PTX_DEVICE float exp2_approx(float x) {
  float r;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}
#else
PTX_DEVICE float exp2_approx(float x) {
  const float r = exp2f(x);
  return r < 0x1p-126f ? 0.0f : r;
}
#endif

// --- packs two floats into a register of two bf16, the first in the low half
__device__ __forceinline__ unsigned pack_bf16(float low, float high) {
  __nv_bfloat162 v = __floats2bfloat162_rn(low, high);
  return reinterpret_cast<unsigned&>(v);
}
}  // namespace ptx
