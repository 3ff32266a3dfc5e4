// matmul_accumulate: total += op(a)·op(b). The kernels are in gemm.metal.
#include "metal/gemm.h"
#if defined(__METAL_VERSION__)
#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

size_t ScratchMatmulAccumulate(const OpView&, const Params& params) {
  return MultiplyScratch(ProductOf(params.as<MatmulParams>()));
}

Outcome RunMatmulAccumulate(const Call& call, Message& message) {
  Gemm product = ProductOf(call.params->as<MatmulParams>());
  product.accumulate = true;
  return MultiplyInputs(call, message, product, 1);
}

}  // namespace nano::metal
#endif
