// matmul: y = op(a)·op(b).
#include "ops/matmul.h"

#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/products.h"

namespace nano::cpu::NANO_ISA {
size_t ScratchMatmul(const OpView&, const Params& params, int threads) {
  const MatmulParams& p = params.as<MatmulParams>();
  return MultiplyScratch(p.m, p.n, p.k, p.transpose_a, threads);
}

InputError RunMatmul(const Call& call) {
  const Gemm product =
      ProductOf(call.params->as<MatmulParams>(), call.inputs[0].f32(), call.inputs[1].f32(), call.outputs[0].f32());
  Multiply(product, call.scratch, call.pool);
  return {};
}

}  // namespace nano::cpu::NANO_ISA
