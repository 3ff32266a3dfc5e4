// matmul_accumulate: total += op(a)·op(b).
#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/products.h"
#include "ops/matmul.h"

namespace nano::cpu::NANO_ISA {
size_t ScratchMatmulAccumulate(const OpView&, const Params& params, int threads) {
  const MatmulParams& p = params.as<MatmulParams>();
  return MultiplyScratch(p.m, p.n, p.k, p.transpose_a, threads);
}

InputError RunMatmulAccumulate(const Call& call) {
  Gemm product =
      ProductOf(call.params->as<MatmulParams>(), call.inputs[1].f32(), call.inputs[2].f32(), call.outputs[0].f32());
  product.accumulate = true;
  Multiply(product, call.scratch, call.pool);
  return {};
}

}  // namespace nano::cpu::NANO_ISA
