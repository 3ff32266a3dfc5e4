// Declares the kernel of every op for the instruction set that a source is compiled for. Each
// kernel is defined in its own file.
#pragma once

#include <math.h>

#include <cstddef>
#include <span>

#include "cpu/kernel.h"
#include "cpu/simd.h"

namespace nano::cpu::NANO_ISA {

#define NANO_DECLARE_none(Stem)
#define NANO_DECLARE_kernel(Stem) InputError Run##Stem(const Call& call);
#define NANO_DECLARE_scratch(Stem) \
  NANO_DECLARE_kernel(Stem) size_t Scratch##Stem(const OpView& op, const Params& params, int threads);
#define NANO_OP(name, Stem, cpu, gpu) NANO_DECLARE_##cpu(Stem)
#include "ops/ops.def"
#undef NANO_DECLARE_none
#undef NANO_DECLARE_kernel
#undef NANO_DECLARE_scratch

std::span<const Kernel> Kernels();

}  // namespace nano::cpu::NANO_ISA
