// Matrix products for all ops; gpu/product.h describes a product.
#pragma once

#include "cuda/kernel.cuh"
#include "gpu/product.h"

namespace nano::cuda {

using gpu::Gemm;
using gpu::Matrix;

// The bytes of scratch that Multiply needs. Depends on sizes and strides only.
size_t MultiplyScratch(const Gemm& product);
// The order of each sum depends on sizes and strides only. If the precision is kTf32, f32 operands
// are rounded to tf32 first.
Outcome Multiply(const Call& call, Message& message, const Gemm& product, void* scratch,
                 Precision precision = Precision::kF32);

}  // namespace nano::cuda
