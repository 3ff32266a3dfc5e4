// The Product that a matmul's parameters describe, and the one of a call.
#pragma once

#include "cuda/gemm.cuh"
#include "ops/matmul.h"

namespace nano::cuda {

inline Product ProductOf(const MatmulParams& p) {
  Product product{};
  product.m = p.m, product.n = p.n, product.k = p.k;
  product.a = p.transpose_a ? Matrix{nullptr, 1, p.m} : Matrix{nullptr, p.k, 1};
  product.b = p.transpose_b ? Matrix{nullptr, 1, p.k} : Matrix{nullptr, p.n, 1};
  product.c_row = p.n;
  return product;
}

// As the call has them: their data and dtypes, and the precision. `first`: the input that is a.
inline Outcome MultiplyInputs(const Call& call, Message& message, Product product, size_t first) {
  product.a.data = call.inputs[first].data, product.b.data = call.inputs[first + 1].data;
  product.c = call.outputs[0].data;
  product.dtype = call.inputs[first].spec->dtype, product.c_dtype = call.outputs[0].spec->dtype;
  return Multiply(call, message, product, call.scratch, call.precision);
}

}  // namespace nano::cuda
