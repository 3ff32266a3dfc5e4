// positions: start, start + 1, …, for one sequence or for each.
#include "metal/kernel.h"

struct PositionsArguments {
  uint32_t n, length;
};

#if defined(__METAL_VERSION__)

kernel void positions(device const Control& control [[buffer(0)]], constant PositionsArguments& arguments [[buffer(1)]],
                      device int* y [[buffer(2)]], device const int* starts [[buffer(3)]],
                      uint i [[thread_position_in_grid]]) {
  if (Stopped(control) || i >= arguments.n) return;
  const uint b = i / arguments.length, t = i - b * arguments.length;
  y[i] = starts[b] + int(t);
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/positions.h"

namespace nano::metal {

Outcome RunPositions(const Call& call, Message& message) {
  const int64_t length = call.params->as<PositionsParams>().length;
  constexpr int64_t kEnd = int64_t{1} << 31;
  const Outcome outcome = CheckRange(call, message, kPositionsStart, InputError::kStart, -kEnd, kEnd - length);
  if (outcome != Outcome::kOk) return outcome;
  const int64_t n = OutputShape(call, 0).elements();
  return Launch(call, message, GridOfElements(n), {"positions", "positions"}, {},
                PositionsArguments{static_cast<uint32_t>(n), static_cast<uint32_t>(length)},
                {call.outputs[0], call.inputs[0]});
}

}  // namespace nano::metal
#endif
