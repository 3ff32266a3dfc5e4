// rope: computes the sines and cosines of all positions, then rotates all heads by them.
#include "ops/rope.h"

#include "cpu/kernels.h"
#include "cpu/loops.h"
#include "cpu/tokens.h"
#include "ops/math.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
namespace {

NANO_INLINE void FillRates(double base, int64_t pairs, double* rates) {
  const double log = nano::Log(base);
  for (int64_t i = 0; i < pairs; ++i) {
    rates[i] = nano::Exp(-static_cast<double>(i) / static_cast<double>(pairs) * log);
  }
}

NANO_INLINE void FillTurns(const double* rates, int32_t position, int64_t pairs, bool inverse, float* turns) {
  const double sign = inverse ? -1 : 1;
  for (int64_t i = 0; i < pairs; ++i) {
    const Turn turn = SineAndCosine(position * rates[i]);
    turns[i] = static_cast<float>(turn.cosine);
    turns[pairs + i] = static_cast<float>(sign * turn.sine);
  }
}

// Rotates one head: pairs channel i with channel i + pairs.
NANO_INLINE void TurnHead(const float* x, const float* turns, int64_t pairs, float* y) {
  for (int64_t i = 0; i < pairs; i += 8) {
    const int64_t lanes = Smaller(8, pairs - i);
    const F8 a = LoadLanes(x + i, lanes), b = LoadLanes(x + pairs + i, lanes);
    const F8 cosine = LoadLanes(turns + i, lanes), sine = LoadLanes(turns + pairs + i, lanes);
    StoreLanes(y + i, lanes, a * cosine - b * sine);
    StoreLanes(y + pairs + i, lanes, MulAdd(a, sine, b * cosine));
  }
}

// Sines and cosines per task. Each costs many times an element of another op.
constexpr int64_t kTurns = 256;

}  // namespace

size_t ScratchRope(const OpView& op, const Params& params, int) {
  const int64_t channels = op.inputs[0].shape.last() / params.as<RopeParams>().heads;
  return static_cast<size_t>(channels / 2) * sizeof(double) +
         static_cast<size_t>(op.inputs[1].elements() * channels) * sizeof(float);
}

InputError RunRope(const Call& call) {
  const RopeParams& p = call.params->as<RopeParams>();
  const float* x = call.inputs[0].f32();
  const int32_t* positions = call.inputs[1].i32();
  float* y = call.outputs[0].f32();
  const Shape& shape = call.inputs[0].spec->shape;
  const int64_t rows = shape.dims[0] * shape.dims[1], channels = shape.dims[2];
  const int64_t size = channels / p.heads, pairs = size / 2, count = call.inputs[1].spec->elements();
  if (const int64_t bad = FirstOutside(positions, count, kRopeLimit); bad >= 0) {
    return ValidateRange(kRopePositions, InputError::kPosition, bad, positions[bad], 0, kRopeLimit - 1);
  }
  // Scratch: a rate for each pair, then for each position the cosine of each pair and the sine of
  // each pair.
  double* rates = reinterpret_cast<double*>(call.scratch);
  float* turns = reinterpret_cast<float*>(rates + pairs);
  FillRates(p.base, pairs, rates);
  ForChunks(count * pairs > kTurns ? call.pool : nullptr, count, RowsInChunk(pairs, kTurns),
            [&](int64_t begin, int64_t end) {
              for (int64_t i = begin; i < end; ++i) {
                FillTurns(rates, positions[i], pairs, p.inverse, turns + i * size);
              }
            });
  ForChunks(call.pool, rows, RowsInChunk(channels), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t c = 0; c < channels; c += size) {
        TurnHead(x + r * channels + c, turns + r % count * size, pairs, y + r * channels + c);
      }
    }
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
