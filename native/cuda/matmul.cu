// matmul: y = op(a)·op(b).
#include "cuda/kernels.h"
#include "cuda/products.cuh"
#include "ops/matmul.h"

namespace nano::cuda {

size_t ScratchMatmul(const OpView&, const Params& params) {
  return MultiplyScratch(ProductOf(params.as<MatmulParams>()));
}

Outcome RunMatmul(const Call& call, Message& message) {
  const Product product =
      ProductOf(call.params->as<MatmulParams>(), Input<float>(call, 0), Input<float>(call, 1), Output<float>(call, 0));
  return Multiply(call, message, product, call.scratch);
}

}  // namespace nano::cuda
