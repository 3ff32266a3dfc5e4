// Tensors that are f32 or bf16 in memory. The dtype is an argument of the kernel, not a template
// parameter: all threads take the same branch, and such kernels are memory-bound. They compute in
// f32.
#pragma once

#include "cuda/kernel.cuh"
#include "cuda/ptx.cuh"

namespace nano::cuda {

// Four consecutive bf16 values, the first in the low half of `front`. (nvcc compiles four
// __nv_bfloat16 to four accesses.)
struct alignas(8) Bf16Four {
  unsigned front, back;
};
__device__ __forceinline__ float LowHalf(unsigned pair) { return __uint_as_float(pair << 16); }
__device__ __forceinline__ float HighHalf(unsigned pair) { return __uint_as_float(pair & 0xFFFF0000u); }
__device__ __forceinline__ float4 ToFloat(Bf16Four four) {
  return make_float4(LowHalf(four.front), HighHalf(four.front), LowHalf(four.back), HighHalf(four.back));
}

struct Floats {
  void* data;
  bool bf16;

  Floats() = default;
  __host__ __device__ Floats(void* at, bool is_bf16) : data(at), bf16(is_bf16) {}
  // From f32. A const pointer is allowed too, because kernels never write to inputs.
  __host__ __device__ Floats(const float* at) : data(const_cast<float*>(at)), bf16(false) {}

  template <class T>
  __device__ __forceinline__ T& At(int64_t i) const {
    return *reinterpret_cast<T*>(static_cast<char*>(data) + i * (bf16 ? 2 : 4));
  }
  __device__ __forceinline__ Floats operator+(int64_t i) const { return {&At<char>(i), bf16}; }

  __device__ __forceinline__ float Get(int64_t i) const { return bf16 ? ToFloat(At<__nv_bfloat16>(i)) : At<float>(i); }
  __device__ __forceinline__ void Set(int64_t i, float value) const {
    if (bf16) {
      At<__nv_bfloat16>(i) = Rounded<__nv_bfloat16>(value);
    } else {
      At<float>(i) = value;
    }
  }

  // Elements i to i + 3 in one access. IsFour says whether they are aligned for it.
  __device__ __forceinline__ bool IsFour(int64_t i) const {
    return reinterpret_cast<uintptr_t>(&At<char>(i)) % (bf16 ? sizeof(Bf16Four) : sizeof(float4)) == 0;
  }
  __device__ __forceinline__ float4 GetFour(int64_t i) const { return bf16 ? ToFloat(At<Bf16Four>(i)) : At<float4>(i); }
  __device__ __forceinline__ void SetFour(int64_t i, float4 value) const {
    if (bf16) {
      At<Bf16Four>(i) = {ptx::pack_bf16(value.x, value.y), ptx::pack_bf16(value.z, value.w)};
    } else {
      At<float4>(i) = value;
    }
  }
};

// Operands of a call that may be f32 or bf16.
inline Floats FloatsOf(const gpu::Tensor& tensor) { return {tensor.data, tensor.spec->dtype == Dtype::kBf16}; }
inline Floats FloatInput(const Call& call, size_t i) { return FloatsOf(call.inputs[i]); }
inline Floats FloatOutput(const Call& call, size_t i) { return FloatsOf(call.outputs[i]); }

}  // namespace nano::cuda
