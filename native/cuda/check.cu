// Looks at contents: integers that must be in a range, floats that must be finite.
#include "cuda/kernels.h"

namespace nano::cuda {
namespace {

constexpr int kThreads = 1024;
constexpr int64_t kNone = INT64_MAX;

__global__ void __launch_bounds__(kThreads) RangeKernel(Control* control, uint32_t op, const int32_t* values, int64_t n,
                                                        Complaint::What what, int64_t low, int64_t high) {
  __shared__ int64_t room[kThreads / kWarp];
  if (Stopped(control)) return;
  int64_t first = kNone;
  for (int64_t i = threadIdx.x; i < n && first == kNone; i += kThreads) {
    if (values[i] < low || values[i] > high) first = i;
  }
  first = BlockReduce<kThreads>(first, room, Smaller());
  if (threadIdx.x != 0 || first == kNone) return;
  Complaint complaint{};
  complaint.kind = Complaint::kOutOfRange;
  complaint.what = what;
  complaint.index = first;
  complaint.value = values[first];
  complaint.low = low;
  complaint.high = high;
  Complain(control, op, complaint);
}

template <class Bits>
__global__ void __launch_bounds__(kThreads)
    FiniteKernel(Control* control, uint32_t op, const Bits* bits, int64_t n, Bits exponent, int64_t output) {
  __shared__ int64_t room[kThreads / kWarp];
  if (Stopped(control)) return;
  int64_t first = kNone;
  for (int64_t i = threadIdx.x; i < n && first == kNone; i += kThreads) {
    if ((bits[i] & exponent) == exponent) first = i;
  }
  first = BlockReduce<kThreads>(first, room, Smaller());
  if (threadIdx.x != 0 || first == kNone) return;
  Complaint complaint{};
  complaint.kind = Complaint::kNotFiniteOutput;
  complaint.index = first;
  complaint.value = output;
  Complain(control, op, complaint);
}

template <class Bits>
Outcome CheckBits(const Call& call, size_t output, Bits exponent, Message& message) {
  return Launch(call, message, {1, kThreads}, FiniteKernel<Bits>, call.control, call.op,
                Output<const Bits>(call, output), OutputShape(call, output).elements(), exponent,
                static_cast<int64_t>(output));
}

}  // namespace

Outcome CheckRange(const Call& call, Message& message, size_t input, Complaint::What what, int64_t low, int64_t high) {
  return Launch(call, message, {1, kThreads}, RangeKernel, call.control, call.op, Input<const int32_t>(call, input),
                InputShape(call, input).elements(), what, low, high);
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
