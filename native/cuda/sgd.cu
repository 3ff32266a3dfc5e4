// sgd: updates all parameters in one pass.
#include "cuda/kernels.h"
#include "cuda/many.cuh"
#include "ops/sgd.h"

namespace nano::cuda {
namespace {

struct Update {
  SgdParams params;
  const float *learning_rate, *gradient_scale;
  float rate, scale;

  __device__ __forceinline__ void Prepare() {
    rate = *learning_rate;
    scale = *gradient_scale;
  }
  __device__ __forceinline__ void operator()(float (&x)[3]) const {
    const float g = x[2] * scale + params.weight_decay * x[0];
    x[1] = params.momentum * x[1] + g;
    x[0] -= rate * (params.nesterov ? g + params.momentum * x[1] : x[1]);
  }
};

}  // namespace

Outcome RunSgd(const Call& call, Message& message) {
  const size_t n = call.output_count / 2;
  const gpu::Tensor* const first[] = {call.outputs, call.outputs + n, call.inputs + 2 + n};
  const Update update = {call.params->as<SgdParams>(), Input<float>(call, 0), Input<float>(call, 1), 0, 0};
  return UpdateMany<2>(call, message, first, n, update);
}

}  // namespace nano::cuda
