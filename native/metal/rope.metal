// rope: a thread rotates four pairs of channels of a head by their angles. The host computes the
// frequency of each pair. Angles are counted in 2^-64 of a turn and wrap around, so they are as
// accurate at the last position as at the first.
#include "engine/inline.h"
#include "metal/kernel.h"

namespace nano {

NANO_CONSTANT uint32_t kRopePairs = 256;  // per launch

struct RopeArguments {
  uint64_t frequencies[kRopePairs];  // per position, in 2^-64 of a turn
  uint32_t n, positions, channels, heads;
  uint32_t pairs, first, count;  // pairs of a head; this launch's first pair and their number
  float sign;
};

}  // namespace nano

#if defined(__METAL_VERSION__)

// The sine and cosine of an angle.
struct Turn {
  float sine, cosine;
};
inline Turn SineAndCosine(ulong angle) {
  const uint turn = uint(angle >> 32);
  const uint quadrant = (turn + 0x20000000u) >> 30;  // the nearest; rest: 2^-30 of a quadrant
  const float r = float(int(turn - (quadrant << 30))) * (1.5707963267948966f / 1073741824.0f), s = r * r;
  // The series of sine and cosine, up to the last term that a float can hold for this range of r.
  const float sine = fma(r * s, fma(s, fma(s, fma(s, 1.0f / 362880, -1.0f / 5040), 1.0f / 120), -1.0f / 6), r);
  const float cosine = fma(s, fma(s, fma(s, fma(s, 1.0f / 40320, -1.0f / 720), 1.0f / 24), -0.5f), 1.0f);
  // A quarter turn swaps them. Two of the four quadrants change the sign of each.
  const bool odd = (quadrant & 1) != 0;
  Turn result;
  result.sine = (quadrant & 2) != 0 ? -(odd ? cosine : sine) : (odd ? cosine : sine);
  result.cosine = ((quadrant + 1) & 2) != 0 ? -(odd ? sine : cosine) : (odd ? sine : cosine);
  return result;
}

// Both halves are read before either is written, because y may be x.
kernel void rope(device const Control& control [[buffer(0)]], constant RopeArguments& arguments [[buffer(1)]],
                 device float* y [[buffer(2)]], device const float* x [[buffer(3)]],
                 device const int* positions [[buffer(4)]], uint thread_index [[thread_position_in_grid]]) {
  if (Stopped(control) || thread_index >= arguments.n) return;
  const uint fours = (arguments.count + kQuad - 1) / kQuad;
  const uint of_heads = thread_index / fours, row = of_heads / arguments.heads, head = of_heads - row * arguments.heads;
  const uint i = kQuad * (thread_index - of_heads * fours), count = arguments.count;
  const uint position = uint(positions[row % arguments.positions]);
  float4 sine, cosine;
  for (uint k = 0; k < kQuad; ++k) {
    // Past the last pair the value does not matter: it is not stored.
    const Turn turn = SineAndCosine(position * arguments.frequencies[(i + k) % kRopePairs]);
    sine[k] = arguments.sign * turn.sine, cosine[k] = turn.cosine;
  }
  const uint left = row * arguments.channels + head * 2 * arguments.pairs + arguments.first;
  const FloatsIn in(x, 1u);
  const FloatsOut out(y, 0u);
  const float4 a = LoadQuad(in.From(left), i, count), b = LoadQuad(in.From(left + arguments.pairs), i, count);
  StoreQuad(out.From(left), i, count, a * cosine - b * sine);
  StoreQuad(out.From(left + arguments.pairs), i, count, a * sine + b * cosine);
}

#else  // the host's part
#include <algorithm>
#include <cmath>

#include "metal/kernels.h"
#include "ops/math.h"
#include "ops/rope.h"

namespace nano::metal {
namespace {

// The frequency of pair i, 1 / base^(i / pairs) radians per position, in 2^-64 of a turn.
uint64_t Frequency(const RopeParams& p, int64_t i, int64_t pairs) {
  const double part = static_cast<double>(i) / static_cast<double>(pairs);
  const double turns = Exp(-part * Log(p.base)) * 0.15915494309189535;  // 1 / 2π
  return static_cast<uint64_t>(std::ldexp(turns, 64));
}

}  // namespace

Outcome RunRope(const Call& call, Message& message) {
  const RopeParams& p = call.params->as<RopeParams>();
  const Shape& x = InputShape(call, 0);
  const int64_t pairs = x[2] / p.heads / 2;
  Outcome outcome = CheckRange(call, message, kRopePositions, InputError::kPosition, 0, kRopeLimit - 1);
  for (int64_t first = 0; first < pairs && outcome == Outcome::kOk; first += kRopePairs) {
    const int64_t count = std::min(pairs - first, int64_t{kRopePairs});
    RopeArguments arguments = {};
    for (int64_t i = 0; i < count; ++i) arguments.frequencies[i] = Frequency(p, first + i, pairs);
    arguments.n = static_cast<uint32_t>(x[0] * x[1] * p.heads * DivideUp(count, kQuad));
    arguments.positions = static_cast<uint32_t>(InputShape(call, 1).elements());
    arguments.channels = static_cast<uint32_t>(x[2]);
    arguments.heads = static_cast<uint32_t>(p.heads);
    arguments.pairs = static_cast<uint32_t>(pairs);
    arguments.first = static_cast<uint32_t>(first);
    arguments.count = static_cast<uint32_t>(count);
    arguments.sign = p.inverse ? -1.0f : 1.0f;
    outcome = Launch(call, message, GridOfElements(arguments.n), {"rope", "rope"}, {}, arguments,
                     {call.outputs[0], call.inputs[0], call.inputs[1]});
  }
  return outcome;
}

}  // namespace nano::metal
#endif
