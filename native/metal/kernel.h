// Common code of the Metal kernels: first for the kernels themselves, in Metal's language, then for
// the host code that launches them. One file per op, named like the CPU's file for it, holds both
// parts. ops/ops.def lists the ops. sources.cmake embeds the kernel part of each file in the
// binary, and the driver compiles it at first use.
//
// Operands are the buffers of a launch, from index 2 on: outputs first, then inputs. Buffer 0 is
// the control. A kernel reads it first and does nothing once it records an error. The order of
// every sum depends on sizes alone, so that every run gives the same bits. Elements are counted in
// 32 bits: a tensor has fewer than 2^31.
#pragma once

#if defined(__METAL_VERSION__)
#include <metal_stdlib>

#include "gpu/control.h"

using namespace metal;
using namespace nano;
using nano::gpu::Control;

constant uint kDtypes [[function_constant(0)]];  // per operand two bits: 0 f32, 1 bf16, 2 f16

inline bool Stopped(device const Control& control) { return control.failed != 0; }

// Records an error, which stops all later kernels. Called by one thread, after the kernel's last
// read of the control.
inline void Complain(device Control& control, uint op, thread const InputError& error) {
  control.error = error;
  control.op = op;
  control.failed = 1;
}

// Tests the bits, so that it also works with fast math, which assumes that there are no NaNs.
inline bool IsFinite(float value) { return (as_type<uint>(value) & 0x7F800000u) != 0x7F800000u; }

// Notes that an output has a value that is not finite. Any thread may call it: of several outputs,
// ReportNotFinite reports the last.
inline void NoteNotFinite(device Control& control, uint output) {
  atomic_fetch_max_explicit((device atomic_uint*)&control.not_finite, output + 1, memory_order_relaxed);
}

// ---- Tensors that are f32 or bf16 in memory and f32 in registers. `number` is the operand's index
// in the launch. A row may begin at any element, so four elements are read and written as packed
// types.
inline float FromBf16(ushort bits) { return as_type<float>(uint(bits) << 16); }
inline float4 FromBf16(ushort4 bits) { return as_type<float4>(uint4(bits) << 16); }
// Rounds to nearest, ties to even. A NaN stays a NaN.
inline ushort ToBf16(float value) {
  const uint bits = as_type<uint>(value);
  const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
  return ushort(is_nan ? bits >> 16 | 0x40u : (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}
inline ushort4 ToBf16(float4 v) { return ushort4(ToBf16(v.x), ToBf16(v.y), ToBf16(v.z), ToBf16(v.w)); }

inline bool IsBf16(uint number) { return (kDtypes >> (2 * number) & 3) == 1; }

struct FloatsIn {
  device const float* data;
  bool bf16;

  FloatsIn(device const float* at, uint number) : data(at), bf16(IsBf16(number)) {}
  FloatsIn(device const float* at, bool is_bf16) : data(at), bf16(is_bf16) {}
  // A view that starts at element i.
  FloatsIn From(uint i) const {
    return FloatsIn(bf16 ? (device const float*)((device const ushort*)data + i) : data + i, bf16);
  }
  float Get(uint i) const { return bf16 ? FromBf16(((device const ushort*)data)[i]) : data[i]; }
  float4 GetFour(uint i) const {
    return bf16 ? FromBf16(ushort4(*(device const packed_ushort4*)((device const ushort*)data + i)))
                : float4(*(device const packed_float4*)(data + i));
  }
};

struct FloatsOut {
  device float* data;
  bool bf16;

  FloatsOut(device float* at, uint number) : data(at), bf16(IsBf16(number)) {}
  FloatsOut(device float* at, bool is_bf16) : data(at), bf16(is_bf16) {}
  FloatsOut From(uint i) const { return FloatsOut(bf16 ? (device float*)((device ushort*)data + i) : data + i, bf16); }
  void Set(uint i, float value) const {
    if (bf16) {
      ((device ushort*)data)[i] = ToBf16(value);
    } else {
      data[i] = value;
    }
  }
  void SetFour(uint i, float4 value) const {
    if (bf16) {
      *(device packed_ushort4*)((device ushort*)data + i) = packed_ushort4(ToBf16(value));
    } else {
      *(device packed_float4*)(data + i) = packed_float4(value);
    }
  }
};

// ---- Four elements at a time.
constant constexpr uint kQuad = 4;

// Elements i to i + 3 of x, which has n. Elements past the end are `rest`.
inline float4 LoadQuad(FloatsIn x, uint i, uint n, float rest = 0.0f) {
  if (i + kQuad <= n) return x.GetFour(i);
  float4 quad = float4(rest);
  for (uint k = 0; k < kQuad; ++k) {
    if (i + k < n) quad[k] = x.Get(i + k);
  }
  return quad;
}

inline void StoreQuad(FloatsOut y, uint i, uint n, float4 quad) {
  if (i + kQuad <= n) return y.SetFour(i, quad);
  for (uint k = 0; k < kQuad; ++k) {
    if (i + k < n) y.Set(i + k, quad[k]);
  }
}

// ---- Reductions over a threadgroup, in a fixed order. Every thread gets the result. `room` is
// threadgroup memory for one value per simdgroup and can be reused after the call.
constant constexpr uint kSimd = 32;

struct Threads {
  uint lane, simdgroup, simdgroups;  // [[thread_index_in_simdgroup]] etc.

  uint Index() const { return simdgroup * kSimd + lane; }
};

template <class T>
inline T GroupSum(T value, threadgroup T* room, Threads at) {
  value = simd_sum(value);
  if (at.simdgroups == 1) return value;
  if (at.lane == 0) room[at.simdgroup] = value;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  value = room[0];
  for (uint i = 1; i < at.simdgroups; ++i) value += room[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  return value;
}

template <class T>
inline T GroupMax(T value, threadgroup T* room, Threads at) {
  value = simd_max(value);
  if (at.simdgroups == 1) return value;
  if (at.lane == 0) room[at.simdgroup] = value;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  value = room[0];
  for (uint i = 1; i < at.simdgroups; ++i) value = max(value, room[i]);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  return value;
}

template <class T>
inline T GroupMin(T value, threadgroup T* room, Threads at) {
  value = simd_min(value);
  if (at.simdgroups == 1) return value;
  if (at.lane == 0) room[at.simdgroup] = value;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  value = room[0];
  for (uint i = 1; i < at.simdgroups; ++i) value = min(value, room[i]);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  return value;
}

#else  // the host's part
#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "gpu/driver.h"

namespace nano::metal {

using gpu::Call;
using gpu::Control;
using gpu::Message;
using gpu::Outcome;

// A kernel and the file that it is in.
struct Function {
  const char* file;  // "relu" for relu.metal
  const char* name;
};

struct Grid {
  int64_t groups;
  int threads;                   // per threadgroup
  int64_t across = 1, deep = 1;  // threadgroup_position_in_grid.y, .z
  double flops = 0;              // in all, for products and attention; 0: memory-bound
};

// An operand of a launch: a tensor, or plain memory, whose dtype counts as f32. If the kernel
// doesn't read the operand, any buffer will do.
struct Operand {
  const void* data;
  Dtype dtype = Dtype::kF32;
  size_t bytes = 0;  // moved by the kernel, to estimate its time; 0: negligible

  Operand(const void* at, size_t size = 0) : data(at), bytes(size) {}  // NOLINT(google-explicit-*)
  Operand(const gpu::Tensor& tensor)                                   // NOLINT(google-explicit-*)
      : data(tensor.data), dtype(tensor.spec->dtype), bytes(tensor.spec->bytes()) {}
};

// Function constants from index 1 on, all of them uint. Index 0 is kDtypes.
using Constants = std::initializer_list<uint32_t>;
using Operands = std::initializer_list<Operand>;

// Enqueues a kernel. Buffer 0 is the control, 1 the arguments, and the operands follow from 2 on.
Outcome LaunchBytes(const Call& call, Message& message, const Grid& grid, const Function& function, Constants constants,
                    const void* arguments, size_t bytes, Operands operands);

template <class Arguments>
Outcome Launch(const Call& call, Message& message, const Grid& grid, const Function& function, Constants constants,
               const Arguments& arguments, Operands operands) {
  static_assert(std::is_trivially_copyable_v<Arguments> && sizeof(Arguments) <= 4096);
  return LaunchBytes(call, message, grid, function, constants, &arguments, sizeof(arguments), operands);
}

inline const Shape& InputShape(const Call& call, size_t i) { return call.inputs[i].spec->shape; }
inline const Shape& OutputShape(const Call& call, size_t i) { return call.outputs[i].spec->shape; }

constexpr int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- Elementwise kernels: one thread per element, or per four elements.
constexpr int kQuad = 4, kElementThreads = 256;

inline Grid GridOfElements(int64_t n) { return {DivideUp(n, kElementThreads), kElementThreads}; }
inline Grid GridOfQuads(int64_t n) { return {DivideUp(n, kQuad * kElementThreads), kElementThreads}; }

// Launches one thread per four elements of the first output. The kernel's only argument is the
// number of elements.
inline Outcome ForQuads(const Call& call, Message& message, const Function& function, Operands operands,
                        Constants constants = {}) {
  const auto n = static_cast<uint32_t>(OutputShape(call, 0).elements());
  return Launch(call, message, GridOfQuads(n), function, constants, n, operands);
}

}  // namespace nano::metal
#endif
