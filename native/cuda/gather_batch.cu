// gather_batch: windows of the corpus and, as targets, the same windows one token later.
#include "cuda/kernels.h"
#include "cuda/validate.cuh"

namespace nano::cuda {
namespace {

template <class T>
Outcome Gather(const Call& call, Message& message) {
  const T* corpus = Input<const T>(call, 0);
  const uint32_t* offsets = Input<const uint32_t>(call, 1);
  int32_t *tokens = Output<int32_t>(call, 0), *targets = Output<int32_t>(call, 1);
  const int64_t length = OutputShape(call, 0)[1];
  return ForElements(call, message, OutputShape(call, 0).elements(), [=] __device__(int64_t i) {
    const int64_t b = i / length, t = i - b * length;
    const T* window = corpus + offsets[b] + t;
    tokens[i] = static_cast<int32_t>(window[0]);
    targets[i] = static_cast<int32_t>(window[1]);
  });
}

}  // namespace

Outcome RunGatherBatch(const Call& call, Message& message) {
  const uint32_t* offsets = Input<const uint32_t>(call, 1);
  const int64_t batch = OutputShape(call, 0)[0], last = InputShape(call, 0)[0] - OutputShape(call, 0)[1] - 1;
  const Outcome outcome = ValidateEach(call, message, batch, [=] __device__(int64_t b) {
    return ValidateRange(kGatherBatchOffsets, InputError::kOffset, b, offsets[b], 0, last);
  });
  if (outcome != Outcome::kOk) return outcome;
  switch (call.inputs[0].spec->dtype) {
    case Dtype::kU8:
      return Gather<uint8_t>(call, message);
    case Dtype::kU16:
      return Gather<uint16_t>(call, message);
    default:
      return Gather<uint32_t>(call, message);
  }
}

}  // namespace nano::cuda
