// add: y = a + b. b may have fewer dimensions than a; it is then broadcast over the leading ones.
#include "metal/kernel.h"

struct AddArguments {
  uint32_t n, period;  // elements of a and of b
};

#if defined(__METAL_VERSION__)

constant uint kWhole [[function_constant(1)]];    // b is as long as a
constant uint kInQuads [[function_constant(2)]];  // no quad wraps around the end of b

kernel void add(device const Control& control [[buffer(0)]], constant AddArguments& arguments [[buffer(1)]],
                device float* y [[buffer(2)]], device const float* a [[buffer(3)]], device const float* b [[buffer(4)]],
                uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index, n = arguments.n, period = arguments.period;
  if (Stopped(control) || i >= n) return;
  const FloatsIn addends(b, 2u);
  const uint in_b = kWhole ? i : i % period;
  float4 addend;
  if (kInQuads) {
    addend = LoadQuad(addends, in_b, period);
  } else {
    for (uint k = 0; k < kQuad; ++k) addend[k] = addends.Get((in_b + k) % period);
  }
  StoreQuad(FloatsOut(y, 0u), i, n, LoadQuad(FloatsIn(a, 1u), i, n) + addend);
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunAdd(const Call& call, Message& message) {
  const int64_t n = OutputShape(call, 0).elements(), period = InputShape(call, 1).elements();
  const bool whole = period == n;
  return Launch(call, message, GridOfQuads(n), {"add", "add"}, {whole, whole || period % kQuad == 0},
                AddArguments{static_cast<uint32_t>(n), static_cast<uint32_t>(period)},
                {call.outputs[0], call.inputs[0], call.inputs[1]});
}

}  // namespace nano::metal
#endif
