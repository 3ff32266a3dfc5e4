// ema: average += (1 − decay)·(parameter − average), in one pass over all tensors.
#include "cuda/kernels.h"
#include "cuda/many.cuh"

namespace nano::cuda {
namespace {

struct Update {
  const float* decay;
  float rest;

  __device__ __forceinline__ void Prepare() { rest = static_cast<float>(1 - static_cast<double>(*decay)); }
  __device__ __forceinline__ void operator()(float (&x)[2]) const { x[0] += rest * (x[1] - x[0]); }
};

}  // namespace

Outcome RunEma(const Call& call, Message& message) {
  const size_t n = call.output_count;
  const gpu::Tensor* const first[] = {call.outputs, call.inputs + 1 + n};
  return UpdateMany<1>(call, message, first, n, Update{Input<float>(call, 0), 0});
}

}  // namespace nano::cuda
