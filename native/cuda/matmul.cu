// matmul: y = op(a)·op(b).
#include "cuda/kernels.h"
#include "cuda/products.cuh"
#include "ops/matmul.h"

namespace nano::cuda {

size_t ScratchMatmul(const OpView&, const Params& params) {
  return MultiplyScratch(ProductOf(params.as<MatmulParams>()));
}

Outcome RunMatmul(const Call& call, Message& message) {
  return MultiplyInputs(call, message, ProductOf(call.params->as<MatmulParams>()), 0);
}

}  // namespace nano::cuda
