// What kernels are written with: for their part in Metal's language, then for the host's part that launches them. One
// file an op, with the CPU's name for it, holds both; ops/ops.def lists them. sources.cmake puts the first part of
// each into the program's binary, where it is compiled at first use.
//
// Operands are the buffers of a launch, from number 2 on: outputs first, then inputs. A kernel takes the control first
// and does nothing once it says that something has failed. All sums are taken in an order that depends on sizes alone,
// so that every run gives the same bits. Elements are counted in 32 bits; tensors have fewer than 2^31.
#pragma once

#if defined(__METAL_VERSION__)
#include <metal_stdlib>

#include "gpu/control.h"

using namespace metal;
using namespace nano;
using nano::gpu::Control;

constant uint kDtypes [[function_constant(0)]];  // of the launch's operands, two bits each: 0 f32, 1 bf16, 2 f16

inline bool Stopped(device const Control& control) { return control.failed != 0; }

// To be called by one thread of a kernel, after everything that it looks at; the next kernels do nothing.
inline void Complain(device Control& control, uint op, thread const InputError& error) {
  control.error = error;
  control.op = op;
  control.failed = 1;
}

// ---- Tensors that are f32 or bf16 in memory: operand `number` of the launch, in f32 for those who look at it. Rows
// may begin anywhere, so four in a row are read as packed ones.
inline float FromBf16(ushort bits) { return as_type<float>(uint(bits) << 16); }
inline float4 FromBf16(ushort4 bits) { return as_type<float4>(uint4(bits) << 16); }
// To the nearest, ties to even. A NaN stays one.
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
  // From element i on.
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

// Elements i to i + 3 of the n in x, and `rest` for those behind the end.
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

// ---- Over the threads of a group, in a fixed order; every thread gets the result. `room` is threadgroup memory for a
// value of each simdgroup, and may be used again afterwards.
constant constexpr uint kSimd = 32;

struct Threads {
  uint lane, simdgroup, simdgroups;  // [[thread_index_in_simdgroup]] and so on

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

// A kernel, in a file of its op.
struct Function {
  const char* file;  // "relu" for relu.metal
  const char* name;
};

struct Grid {
  int64_t groups;
  int threads;                   // of a group
  int64_t across = 1, deep = 1;  // threadgroup_position_in_grid.y, .z
  double flops = 0;              // of all groups, where it is arithmetic that takes the time: products and attention
};

// What a kernel is given: f32, or integers, if it is no tensor. Where it doesn't look at one, any other will do.
struct Operand {
  const void* data;
  Dtype dtype = Dtype::kF32;
  size_t bytes = 0;  // that are moved, by which the launch's time is estimated; 0: few

  Operand(const void* at, size_t size = 0) : data(at), bytes(size) {}  // NOLINT(google-explicit-*)
  Operand(const gpu::Tensor& tensor)                                   // NOLINT(google-explicit-*)
      : data(tensor.data), dtype(tensor.spec->dtype), bytes(tensor.spec->bytes()) {}
};

// Function constants, all of them uint, from number 1 on.
using Constants = std::initializer_list<uint32_t>;
using Operands = std::initializer_list<Operand>;

// Enqueues a kernel: buffer 0 is the control, 1 the arguments, 2 and so on the operands.
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

// ---- Element by element: a thread for each of n, or for four.
constexpr int kQuad = 4, kElementThreads = 256;

inline Grid GridOfElements(int64_t n) { return {DivideUp(n, kElementThreads), kElementThreads}; }
inline Grid GridOfQuads(int64_t n) { return {DivideUp(n, kQuad * kElementThreads), kElementThreads}; }

// A thread has four of the elements that the first output has. Their number is the kernel's one argument.
inline Outcome ForQuads(const Call& call, Message& message, const Function& function, Operands operands,
                        Constants constants = {}) {
  const auto n = static_cast<uint32_t>(OutputShape(call, 0).elements());
  return Launch(call, message, GridOfQuads(n), function, constants, n, operands);
}

}  // namespace nano::metal
#endif
