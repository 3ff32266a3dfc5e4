// The table of all kernels for the instruction set that this file is compiled for.
#include "cpu/kernels.h"

namespace nano::cpu::NANO_ISA {
namespace {

#define NANO_ROW_none(name, Stem)
#define NANO_ROW_kernel(name, Stem) {#name, Run##Stem},
#define NANO_ROW_scratch(name, Stem) {#name, Run##Stem, Scratch##Stem},
#define NANO_OP(name, Stem, cpu, gpu) NANO_ROW_##cpu(name, Stem)
constexpr Kernel kKernels[] = {
#include "ops/ops.def"
};

}  // namespace

std::span<const Kernel> Kernels() { return kKernels; }

}  // namespace nano::cpu::NANO_ISA
