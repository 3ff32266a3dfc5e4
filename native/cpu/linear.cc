// linear: y = x·weightᵀ + bias, then optionally ReLU.
#include "ops/linear.h"

#include "cpu/gemm.h"
#include "cpu/kernels.h"

namespace nano::cpu::NANO_ISA {
size_t ScratchLinear(const OpView& op, const Params&, int threads) {
  const Shape& weight = op.inputs[1].shape;
  return MultiplyScratch(op.inputs[0].elements() / weight.dims[1], weight.dims[0], weight.dims[1], false, threads);
}

InputError RunLinear(const Call& call) {
  Gemm product{};
  product.n = call.inputs[1].spec->shape.dims[0];
  product.k = call.inputs[1].spec->shape.dims[1];
  product.m = call.inputs[0].spec->elements() / product.k;
  product.a = {call.inputs[0].f32(), product.k, 1};
  product.b = {call.inputs[1].f32(), 1, product.k};
  product.c = call.outputs[0].f32();
  product.c_row = product.n;
  product.bias = call.inputs[2].f32();
  product.relu = call.params->as<LinearParams>().relu;
  Multiply(product, call.scratch, call.pool);
  return {};
}

}  // namespace nano::cpu::NANO_ISA
