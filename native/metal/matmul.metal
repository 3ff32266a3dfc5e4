// matmul: y = op(a)·op(b). The kernels are in gemm.metal.
#include "metal/gemm.h"
#if defined(__METAL_VERSION__)
#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

size_t ScratchMatmul(const OpView&, const Params& params) {
  return MultiplyScratch(ProductOf(params.as<MatmulParams>()));
}

Outcome RunMatmul(const Call& call, Message& message) {
  return MultiplyInputs(call, message, ProductOf(call.params->as<MatmulParams>()), 0);
}

}  // namespace nano::metal
#endif
