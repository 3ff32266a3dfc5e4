// Checks the contents of tensors: integers must be in a range, floats must be finite.
#include "cuda/kernels.h"
#include "cuda/validate.cuh"

namespace nano::cuda {
namespace {

template <class Bits>
struct ValidateFinite {
  const Bits* bits;
  Bits exponent;
  int64_t output;

  __device__ InputError operator()(int64_t i) const {
    return (bits[i] & exponent) == exponent ? NotFiniteOutput(output, i) : InputError{};
  }
};

template <class Bits>
Outcome CheckBits(const Call& call, size_t output, Bits exponent, Message& message) {
  return ValidateEach(call, message, OutputShape(call, output).elements(),
                      ValidateFinite<Bits>{Output<const Bits>(call, output), exponent, static_cast<int64_t>(output)});
}

__global__ void ReportKernel(Control* control, uint32_t op) {
  if (Stopped(control) || control->not_finite == 0) return;
  Complain(control, op, NotFiniteOutput(int64_t{control->not_finite} - 1, -1));
}

}  // namespace

Outcome CheckRange(const Call& call, Message& message, uint32_t input, InputError::What what, int64_t low,
                   int64_t high) {
  const auto* values = Input<const int32_t>(call, input);
  return ValidateEach(call, message, InputShape(call, input).elements(),
                      [=] __device__(int64_t i) { return ValidateRange(input, what, i, values[i], low, high); });
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

Outcome ReportNotFinite(const Call& call, Message& message) {
  return Launch(call, message, {1, 1}, ReportKernel, call.control, call.op);
}

}  // namespace nano::cuda
