// Declares the GPU kernel of every op and makes the table of kernels. Each kernel is defined in its
// own file of the backend that NANO_GPU names.
#pragma once

#include "gpu/driver.h"

namespace nano::NANO_GPU {

using gpu::Call;
using gpu::Message;
using gpu::Outcome;

#define NANO_DECLARE_none(Stem)
#define NANO_DECLARE_kernel(Stem) Outcome Run##Stem(const Call& call, Message& message);
#define NANO_DECLARE_scratch(Stem) \
  NANO_DECLARE_kernel(Stem) size_t Scratch##Stem(const OpView& op, const Params& params);
#define NANO_OP(name, Stem, cpu, gpu) NANO_DECLARE_##gpu(Stem)
#include "ops/ops.def"
#undef NANO_DECLARE_none
#undef NANO_DECLARE_kernel
#undef NANO_DECLARE_scratch

// Checks of contents, which write an error to the control. Enqueue them before any kernel that
// relies on them. CheckRange requires every i32 of an input to be in [low, high].
Outcome CheckRange(const Call& call, Message& message, uint32_t input, InputError::What what, int64_t low,
                   int64_t high);
// Requires every element of an output to be finite. Ignores outputs that aren't floats.
Outcome CheckFinite(const Call& call, size_t output, Message& message);
// Reports the last output that the op's kernels passed to NoteNotFinite, if they did. Enqueue it
// after them.
Outcome ReportNotFinite(const Call& call, Message& message);

#define NANO_ROW_none(name, Stem)
#define NANO_ROW_kernel(name, Stem) {#name, Run##Stem},
#define NANO_ROW_scratch(name, Stem) {#name, Run##Stem, Scratch##Stem},
#define NANO_OP(name, Stem, cpu, gpu) NANO_ROW_##gpu(name, Stem)
inline constexpr gpu::Kernel kKernels[] = {
#include "ops/ops.def"
};
#undef NANO_ROW_none
#undef NANO_ROW_kernel
#undef NANO_ROW_scratch

}  // namespace nano::NANO_GPU
