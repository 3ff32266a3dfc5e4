// dropout: keeps or drops each element, by Philox random numbers.
#include "cuda/dropout.cuh"
#include "cuda/kernels.h"
#include "ops/dropout.h"

namespace nano::cuda {

Outcome RunDropout(const Call& call, Message& message) {
  const DropoutParams& params = call.params->as<DropoutParams>();
  const DropoutRule rule(params.p);
  const uint32_t site = params.site;
  const Floats x = FloatInput(call, 0), y = FloatOutput(call, 0);
  const uint32_t* rng = Input<const uint32_t>(call, 1);
  const int64_t n = OutputShape(call, 0).elements();
  return ForElements(call, message, DivideUp(n, kQuad), [=] __device__(int64_t quad) {
    const int64_t i = kQuad * quad;
    StoreQuad(y, i, n, Dropped(LoadQuad(x, i, n), rule, RandomStream(rng, site), i));
  });
}

}  // namespace nano::cuda
