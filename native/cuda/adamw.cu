// adamw: one pass over all parameters. AdamwUpdate in ops/adamw.h has the formula.
#include "cuda/kernels.h"
#include "cuda/many.cuh"
#include "ops/adamw.h"
#include "ops/validate.h"

namespace nano::cuda {
namespace {

// Computes the values that all elements share, in one thread.
__global__ void StepKernel(Control* control, uint32_t op, AdamwParams params, const int32_t* step,
                           const float* learning_rate, const float* scale, AdamwStep* shared) {
  if (Stopped(control)) return;
  if (*step >= 1) {
    *shared = MakeAdamwStep(params, *step, *learning_rate, *scale);
    return;
  }
  Complain(control, op, ValidateRange(kAdamwStep, InputError::kStep, -1, *step, 1, 0x7FFFFFFF));
}

struct Update {
  const AdamwStep* shared;
  AdamwStep step;

  __device__ __forceinline__ void Prepare() { step = *shared; }
  __device__ __forceinline__ void operator()(float (&x)[4]) const { AdamwUpdate(step, x[3], x[0], x[1], x[2]); }
};

}  // namespace

size_t ScratchAdamw(const OpView&, const Params&) { return sizeof(AdamwStep); }

Outcome RunAdamw(const Call& call, Message& message) {
  auto* shared = static_cast<AdamwStep*>(call.scratch);
  const Outcome outcome =
      Launch(call, message, {1, 1}, StepKernel, call.control, call.op, call.params->as<AdamwParams>(),
             Input<const int32_t>(call, 0), Input<const float>(call, 1), Input<const float>(call, 2), shared);
  if (outcome != Outcome::kOk) return outcome;
  const size_t n = call.output_count / 3;
  const gpu::Tensor* const first[] = {call.outputs, call.outputs + n, call.outputs + 2 * n, call.inputs + 3 + n};
  return UpdateMany<3>(call, message, first, n, Update{shared, {}});
}

}  // namespace nano::cuda
