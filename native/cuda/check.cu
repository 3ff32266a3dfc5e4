// Looks at contents: integers that must be in a range, floats that must be finite.
#include "cuda/examine.cuh"
#include "cuda/kernels.h"

namespace nano::cuda {
namespace {

template <class Bits>
struct JudgeFinite {
  const Bits* bits;
  Bits exponent;
  int64_t output;

  __device__ Complaint operator()(int64_t i) const {
    Complaint complaint{};
    if ((bits[i] & exponent) != exponent) return complaint;
    complaint.kind = Complaint::kNotFiniteOutput;
    complaint.index = i;
    complaint.value = output;
    return complaint;
  }
};

template <class Bits>
Outcome CheckBits(const Call& call, size_t output, Bits exponent, Message& message) {
  return Examine(call, message, OutputShape(call, output).elements(),
                 JudgeFinite<Bits>{Output<const Bits>(call, output), exponent, static_cast<int64_t>(output)});
}

}  // namespace

Outcome CheckRange(const Call& call, Message& message, uint32_t input, Complaint::What what, int64_t low,
                   int64_t high) {
  const auto* values = Input<const int32_t>(call, input);
  return Examine(call, message, InputShape(call, input).elements(),
                 [=] __device__(int64_t i) { return JudgeRange(input, what, i, values[i], low, high); });
}

Outcome CheckFinite(const Call& call, size_t output, Message& message) {
  switch (call.outputs[output].spec->dtype) {
    case Dtype::kF32:
      return CheckBits<uint32_t>(call, output, 0x7F800000u, message);
    case Dtype::kF64:
      return CheckBits<uint64_t>(call, output, 0x7FF0000000000000u, message);
    case Dtype::kBf16:
      return CheckBits<uint16_t>(call, output, 0x7F80u, message);
    case Dtype::kF16:
      return CheckBits<uint16_t>(call, output, 0x7C00u, message);
    default:
      return Outcome::kOk;
  }
}

}  // namespace nano::cuda
