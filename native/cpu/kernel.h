// The interface of a CPU kernel. Each op has its own file, which is compiled once for each
// instruction set (see simd.h). ops/ops.def lists the ops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/inline.h"
#include "engine/pool.h"
#include "engine/rule.h"
#include "ops/input_error.h"

namespace nano::cpu {

struct PeakLoops;

struct Tensor {
  void* data;
  const TensorSpec* spec;
  NANO_INLINE float* f32() const { return static_cast<float*>(data); }
  NANO_INLINE double* f64() const { return static_cast<double*>(data); }
  NANO_INLINE int32_t* i32() const { return static_cast<int32_t*>(data); }
  NANO_INLINE uint32_t* u32() const { return static_cast<uint32_t*>(data); }
  NANO_INLINE uint16_t* u16() const { return static_cast<uint16_t*>(data); }
  NANO_INLINE uint8_t* u8() const { return static_cast<uint8_t*>(data); }
};

// One execution of one op. Data pointers and scratch are aligned to 64 bytes.
struct Call {
  std::span<const Tensor> inputs;
  std::span<const Tensor> outputs;
  const Params* params;
  std::byte* scratch;
  Pool* pool;
};

struct Kernel {
  std::string_view name;
  // Returns the error in the contents of its inputs or outputs, or {} if there is none. Allocates
  // nothing.
  InputError (*run)(const Call& call);
  // The scratch size in bytes if at most `threads` tasks run at once. Null: the kernel needs no
  // scratch.
  size_t (*scratch)(const OpView& op, const Params& params, int threads) = nullptr;
};

// The kernels for the named instruction set ("avx2", "neon", "portable", "blas"), or for the best
// one that this processor supports if the name is empty.
struct KernelTable {
  const char* instruction_set;
  std::span<const Kernel> kernels;
  const PeakLoops* peak;
  const Kernel* find(std::string_view name) const;
};
const KernelTable* SelectKernels(std::string_view instruction_set = {});

}  // namespace nano::cpu
