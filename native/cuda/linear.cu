// linear: y = x·weightᵀ + bias, optionally followed by relu.
#include "cuda/kernels.h"
#include "cuda/products.cuh"
#include "ops/linear.h"

namespace nano::cuda {
namespace {

Gemm ProductOf(const Shape& x, const Shape& weight) {
  Gemm product{};
  product.n = weight.dims[0];
  product.k = weight.dims[1];
  product.m = x.elements() / product.k;
  product.a = {nullptr, product.k, 1};
  product.b = {nullptr, 1, product.k};
  product.c_row = product.n;
  return product;
}

}  // namespace

size_t ScratchLinear(const OpView& op, const Params&) {
  return MultiplyScratch(ProductOf(op.inputs[0].shape, op.inputs[1].shape));
}

Outcome RunLinear(const Call& call, Message& message) {
  Gemm product = ProductOf(InputShape(call, 0), InputShape(call, 1));
  product.bias = Input<float>(call, 2);
  product.relu = call.params->as<LinearParams>().relu;
  return MultiplyInputs(call, message, product, 0);
}

}  // namespace nano::cuda
