// batched_matmul: y = op(a)·op(b) for each matrix of a batch.
#include "cuda/kernels.h"
#include "cuda/products.cuh"
#include "ops/batched_matmul.h"

namespace nano::cuda {
namespace {

Gemm ProductsOf(const BatchedMatmulParams& p) {
  Gemm products = ProductOf(p.each);
  products.batch = p.batch;
  products.a.step = p.a_step, products.b.step = p.b_step;
  products.c_step = p.each.m * p.each.n;
  return products;
}

}  // namespace

size_t ScratchBatchedMatmul(const OpView&, const Params& params) {
  return MultiplyScratch(ProductsOf(params.as<BatchedMatmulParams>()));
}

Outcome RunBatchedMatmul(const Call& call, Message& message) {
  return MultiplyInputs(call, message, ProductsOf(call.params->as<BatchedMatmulParams>()), 0);
}

}  // namespace nano::cuda
