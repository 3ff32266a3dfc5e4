// matmul_accumulate: total += op(a)·op(b).
#include "cuda/kernels.h"
#include "cuda/products.cuh"
#include "ops/matmul.h"

namespace nano::cuda {

size_t ScratchMatmulAccumulate(const OpView&, const Params& params) {
  return MultiplyScratch(ProductOf(params.as<MatmulParams>()));
}

Outcome RunMatmulAccumulate(const Call& call, Message& message) {
  Gemm product = ProductOf(call.params->as<MatmulParams>());
  product.accumulate = true;
  return MultiplyInputs(call, message, product, 1);
}

}  // namespace nano::cuda
