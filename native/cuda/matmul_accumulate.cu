// matmul_accumulate: total += op(a)·op(b).
#include "cuda/kernels.h"
#include "cuda/products.cuh"
#include "ops/matmul.h"

namespace nano::cuda {

size_t ScratchMatmulAccumulate(const OpView&, const Params& params) {
  return MultiplyScratch(ProductOf(params.as<MatmulParams>()));
}

Outcome RunMatmulAccumulate(const Call& call, Message& message) {
  Product product =
      ProductOf(call.params->as<MatmulParams>(), Input<float>(call, 1), Input<float>(call, 2), Output<float>(call, 0));
  product.accumulate = true;
  return Multiply(call, message, product, call.scratch);
}

}  // namespace nano::cuda
