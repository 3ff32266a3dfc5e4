// rope: a block computes the cosines and sines of one position and rotates the rows at that
// position by them, in all sequences or in a part of them.
#include "cuda/kernels.h"
#include "cuda/rows.cuh"
#include "ops/math.h"
#include "ops/rope.h"

namespace nano::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kPairs = 256;  // cosines and sines that a block holds at a time

struct Sizes {
  int64_t positions, sequences;  // `sequences` rows, `positions` rows apart, share a position
  int64_t channels, heads, pairs;
};

// A thread rotates four pairs of channels of a head at a time. It reads both halves before it
// writes them, so y may be x. The blocks of a position split its sequences.
__global__ void __launch_bounds__(kThreads) TurnKernel(const Control* control, Floats x, const int32_t* positions,
                                                       Sizes sizes, double log_base, double sign, Floats y) {
  __shared__ __align__(16) float cosines[kPairs], sines[kPairs];
  if (Stopped(control)) return;
  const int64_t place = blockIdx.x;
  const double position = positions[place];
  for (int64_t first = 0; first < sizes.pairs; first += kPairs) {
    const int64_t left = sizes.pairs - first, count = left < kPairs ? left : kPairs;
    for (int64_t i = threadIdx.x; i < count; i += kThreads) {
      const double part = static_cast<double>(first + i) / static_cast<double>(sizes.pairs);
      const Turn turn = SineAndCosine(position * Exp(-part * log_base));
      cosines[i] = static_cast<float>(turn.cosine);
      sines[i] = static_cast<float>(sign * turn.sine);
    }
    __syncthreads();
    const int64_t fours = DivideUp(count, 4), of_row = fours * sizes.heads;
    for (int64_t sequence = blockIdx.y; sequence < sizes.sequences; sequence += gridDim.y) {
      const int64_t row = (sequence * sizes.positions + place) * sizes.channels;
      for (int64_t k = threadIdx.x; k < of_row; k += kThreads) {
        const int64_t i = k % fours * 4, head = row + k / fours * 2 * sizes.pairs + first;
        const Four a = LoadFour(x + head, i, count, 0), b = LoadFour(x + head + sizes.pairs, i, count, 0);
        const Four cosine = LoadFour(cosines, i, count, 0), sine = LoadFour(sines, i, count, 0);
        Four left_half, right_half;
        for (int j = 0; j < 4; ++j) {
          left_half.v[j] = a.v[j] * cosine.v[j] - b.v[j] * sine.v[j];
          right_half.v[j] = a.v[j] * sine.v[j] + b.v[j] * cosine.v[j];
        }
        StoreFour(y + head, i, count, left_half);
        StoreFour(y + head + sizes.pairs, i, count, right_half);
      }
    }
    __syncthreads();
  }
}

// The number of blocks per position: enough in total to keep a large GPU busy.
int64_t Shares(const Sizes& sizes) {
  constexpr int64_t kBlocks = 1024;
  const int64_t shares = DivideUp(kBlocks, sizes.positions);
  return shares < sizes.sequences ? shares : sizes.sequences;
}

}  // namespace

Outcome RunRope(const Call& call, Message& message) {
  const RopeParams& p = call.params->as<RopeParams>();
  const Shape& x = InputShape(call, 0);
  const int64_t places = InputShape(call, 1).elements();
  const Sizes sizes = {places, x[0] * x[1] / places, x[2], p.heads, x[2] / p.heads / 2};
  const Outcome outcome = CheckRange(call, message, kRopePositions, InputError::kPosition, 0, kRopeLimit - 1);
  if (outcome != Outcome::kOk) return outcome;
  return Launch(call, message, {places, kThreads, 0, Shares(sizes)}, TurnKernel, call.control, FloatInput(call, 0),
                Input<int32_t>(call, 1), sizes, Log(p.base), p.inverse ? -1.0 : 1.0, FloatOutput(call, 0));
}

}  // namespace nano::cuda
