// batched_matmul: y = op(a)·op(b) for each matrix. The kernels are in gemm.metal.
#include "metal/gemm.h"
#if defined(__METAL_VERSION__)
#else  // the host's part
#include "metal/kernels.h"
#include "ops/batched_matmul.h"

namespace nano::metal {
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

}  // namespace nano::metal
#endif
