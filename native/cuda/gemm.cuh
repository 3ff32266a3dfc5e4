// Matrix products, for every op that has some (gpu/product.h).
#pragma once

#include "cuda/kernel.cuh"
#include "gpu/product.h"

namespace nano::cuda {

using gpu::Gemm;
using gpu::Matrix;

// Bytes of scratch that Multiply needs; looks at sizes and strides only.
size_t MultiplyScratch(const Gemm& product);
// In which order a sum is taken depends on sizes and strides alone. Operands of f32 are rounded first if the precision
// is kTf32.
Outcome Multiply(const Call& call, Message& message, const Gemm& product, void* scratch,
                 Precision precision = Precision::kF32);

}  // namespace nano::cuda
