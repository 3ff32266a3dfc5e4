// Computes the matrix product of a call.
#pragma once

#include "cuda/gemm.cuh"

namespace nano::cuda {

using gpu::ProductOf;

// `product` has the sizes and strides. The data, dtypes and precision are those of the call.
// `first` is the input that is a; the next one is b.
inline Outcome MultiplyInputs(const Call& call, Message& message, Gemm product, size_t first) {
  product.a.data = call.inputs[first].data, product.b.data = call.inputs[first + 1].data;
  product.c = call.outputs[0].data;
  product.dtype = call.inputs[first].spec->dtype, product.c_dtype = call.outputs[0].spec->dtype;
  return Multiply(call, message, product, call.scratch, call.precision);
}

}  // namespace nano::cuda
