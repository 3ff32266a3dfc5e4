// Checks contents: integers must be in a range, floats must be finite.
#include "metal/validate.h"

struct RangeArguments {
  int64_t low, high;
  uint32_t n, op, input, what;
};
struct FiniteArguments {
  uint64_t exponent;  // exponent bits, all set if a number is not finite
  uint32_t n, op, output;
};

#if defined(__METAL_VERSION__)

struct ValidateValue {
  device const int* values;
  long low, high;
  uint input;
  InputError::What what;

  InputError operator()(uint i) const { return ValidateRange(input, what, i, values[i], low, high); }
};

[[max_total_threads_per_threadgroup(1024)]] kernel void check_range(device Control& control [[buffer(0)]],
                                                                    constant RangeArguments& arguments [[buffer(1)]],
                                                                    device const int* values [[buffer(2)]],
                                                                    uint lane [[thread_index_in_simdgroup]],
                                                                    uint simdgroup [[simdgroup_index_in_threadgroup]],
                                                                    uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint room[kSimd];
  const ValidateValue validate = {values, arguments.low, arguments.high, arguments.input,
                                  InputError::What(arguments.what)};
  ValidateEach(control, arguments.op, arguments.n, validate, room, Threads{lane, simdgroup, simdgroups});
}

template <class Bits>
struct ValidateBits {
  device const Bits* bits;
  Bits exponent;
  uint output;

  InputError operator()(uint i) const {
    InputError error = {};
    if ((bits[i] & exponent) == exponent) error = NotFiniteOutput(output, i);
    return error;
  }
};

template <class Bits>
[[max_total_threads_per_threadgroup(1024)]] kernel void check_finite(device Control& control [[buffer(0)]],
                                                                     constant FiniteArguments& arguments [[buffer(1)]],
                                                                     device const Bits* bits [[buffer(2)]],
                                                                     uint lane [[thread_index_in_simdgroup]],
                                                                     uint simdgroup [[simdgroup_index_in_threadgroup]],
                                                                     uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint room[kSimd];
  const ValidateBits<Bits> validate = {bits, Bits(arguments.exponent), arguments.output};
  ValidateEach(control, arguments.op, arguments.n, validate, room, Threads{lane, simdgroup, simdgroups});
}
template [[host_name("check_finite_16")]] [[kernel]] decltype(check_finite<ushort>) check_finite<ushort>;
template [[host_name("check_finite_32")]] [[kernel]] decltype(check_finite<uint>) check_finite<uint>;
template [[host_name("check_finite_64")]] [[kernel]] decltype(check_finite<ulong>) check_finite<ulong>;

kernel void report_not_finite(device Control& control [[buffer(0)]], constant uint& op [[buffer(1)]]) {
  if (Stopped(control) || control.not_finite == 0) return;
  const InputError error = NotFiniteOutput(control.not_finite - 1, -1);
  Complain(control, op, error);
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {
namespace {

Outcome CheckBits(const Call& call, size_t output, const char* name, uint64_t exponent, Message& message) {
  const FiniteArguments arguments = {exponent, static_cast<uint32_t>(OutputShape(call, output).elements()), call.op,
                                     static_cast<uint32_t>(output)};
  return Launch(call, message, kExamineGrid, {"check", name}, {}, arguments, {call.outputs[output].data});
}

}  // namespace

Outcome CheckRange(const Call& call, Message& message, uint32_t input, InputError::What what, int64_t low,
                   int64_t high) {
  const auto n = static_cast<uint32_t>(InputShape(call, input).elements());
  const RangeArguments arguments = {low, high, n, call.op, input, what};
  return Launch(call, message, kExamineGrid, {"check", "check_range"}, {}, arguments, {call.inputs[input]});
}

Outcome CheckFinite(const Call& call, size_t output, Message& message) {
  switch (call.outputs[output].spec->dtype) {
    case Dtype::kF32:
      return CheckBits(call, output, "check_finite_32", 0x7F800000, message);
    case Dtype::kF64:
      return CheckBits(call, output, "check_finite_64", 0x7FF0000000000000, message);
    case Dtype::kBf16:
      return CheckBits(call, output, "check_finite_16", 0x7F80, message);
    case Dtype::kF16:
      return CheckBits(call, output, "check_finite_16", 0x7C00, message);
    default:
      return Outcome::kOk;
  }
}

Outcome ReportNotFinite(const Call& call, Message& message) {
  return Launch(call, message, {1, 1}, {"check", "report_not_finite"}, {}, call.op, {});
}

}  // namespace nano::metal
#endif
