// sample: draws a token for each row of logits. Everything is computed in pairs of floats where the
// CPU uses doubles, so that the draws are the same.
//
// There are four kernels. find_largest finds the largest logit of each row. check_sample validates
// the options and checks that each row has a token to choose. weigh computes the weights, with many
// threadgroups per row. draw draws the token, with one threadgroup per row.
#include "metal/double_float.h"
#include "metal/validate.h"
#include "ops/philox.h"

struct SampleArguments {
  uint32_t rows, n, chunks;
  uint32_t site, op;
};

#if defined(__METAL_VERSION__)

constant constexpr uint kThreads = 512, kSimdgroups = kThreads / kSimd;
constant constexpr uint kWeighThreads = 256;
constant constexpr uint kChunk = 2048;  // logits per threadgroup

// Maps a float to an integer of the same order. Both zeros map to the same integer, and a NaN is
// above everything else.
constant constexpr uint kInfinity = 0xFF800000u, kMinusInfinity = 0x007FFFFFu, kNan = 0xFFFFFFFFu;
inline uint Ordered(float x) {
  const uint bits = as_type<uint>(x), magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return kNan;
  return bits == magnitude || magnitude == 0 ? magnitude | 0x80000000u : ~bits;
}

// The key (see Ordered) of each row's largest logit, and its index, the lowest one if there are
// several.
[[max_total_threads_per_threadgroup(512)]] kernel void find_largest(
    device const Control& control [[buffer(0)]], constant SampleArguments& arguments [[buffer(1)]],
    device uint2* largest [[buffer(2)]], device const float* logits [[buffer(3)]],
    uint row [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]],
    uint simdgroup [[simdgroup_index_in_threadgroup]], uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint room[kSimdgroups];
  if (Stopped(control)) return;
  const Threads at = {lane, simdgroup, simdgroups};
  const uint n = arguments.n;
  uint most = 0, first = 0;
  for (uint i = at.Index(); i < n; i += kThreads) {
    const uint order = Ordered(logits[row * n + i]);
    if (order > most) most = order, first = i;
  }
  const uint order = GroupMax(most, room, at);
  first = GroupMin(most == order ? first : 0xFFFFFFFFu, room, at);
  if (at.Index() == 0) largest[row] = uint2(order, first);
}

// Whether a number is in [0, most]. It compares bits, so that a NaN is rejected.
inline bool IsUpTo(float most, float number) {
  const uint bits = as_type<uint>(number);
  return bits <= as_type<uint>(most) || bits == 0x80000000u;
}

// The same for the bits of a double, low word first, and an upper bound of 1.
inline bool IsUpToOne(uint2 bits) {
  return bits.y < 0x3FF00000u || (bits.y == 0x3FF00000u && bits.x == 0) || (bits.y == 0x80000000u && bits.x == 0);
}
inline bool IsZero(uint2 bits) { return (bits.y & 0x7FFFFFFFu) == 0 && bits.x == 0; }

// Truncates a double, given as bits, to a float. Values below the range of normal floats become 0.
inline float Shortened(uint2 bits) {
  const uint sign = bits.y & 0x80000000u, exponent = bits.y >> 20 & 0x7FFu;
  const uint mantissa = (bits.y & 0xFFFFFu) << 3 | bits.x >> 29;
  if (exponent > 1023 + 127) {
    const bool is_nan = exponent == 0x7FFu && ((bits.y & 0xFFFFFu) | bits.x) != 0;
    return as_type<float>(sign | (is_nan ? 0x7FC00000u : 0x7F800000u));
  }
  return as_type<float>(exponent < 1023 - 126 ? sign : sign | (exponent - (1023 - 127)) << 23 | mantissa);
}
// A double in [0, 1] with a relative error of at most 2^-48. A positive value that is too small for
// a float becomes FLT_MIN, so that it stays positive.
inline DoubleFloat PairFromDouble(uint2 bits) {
  if (IsZero(bits)) return Pair(0);
  const float high = Shortened(bits);
  if (high == 0) return Pair(FLT_MIN);
  const int exponent = int(bits.y >> 20) - 1023;
  const float low = exponent - 52 < -126 ? 0.0f : float(bits.x & 0x1FFFFFFFu) * PowerOf2(exponent - 52);
  return ExactOrderedSum(high, low);
}

// i = 0 checks the options. i > 0 checks that row i - 1 has a token to choose.
struct ValidateSample {
  device const float* temperature;
  device const int* top_k;
  device const uint2* top_p;  // the bits of doubles, like min_p
  device const uint2* min_p;
  device const uint2* largest;

  InputError operator()(uint i) const {
    const InputError none = {};
    if (i == 0) {
      if (!IsUpTo(FLT_MAX, *temperature)) return BadNumber(kSampleTemperature, InputError::kTemperature, *temperature);
      if (*top_k < 0) return ValidateRange(kSampleTopK, InputError::kTopK, -1, *top_k, 0, 0x7FFFFFFF);
      if (!IsUpToOne(*top_p) || IsZero(*top_p)) return BadNumber(kSampleTopP, InputError::kTopP, Shortened(*top_p));
      if (!IsUpToOne(*min_p)) return BadNumber(kSampleMinP, InputError::kMinP, Shortened(*min_p));
      return none;
    }
    const uint order = largest[i - 1].x;
    if (order != kNan && order != kMinusInfinity) return none;
    return NothingToSample(kSampleLogits, long(i) - 1);
  }
};

[[max_total_threads_per_threadgroup(1024)]] kernel void check_sample(
    device Control& control [[buffer(0)]], constant SampleArguments& arguments [[buffer(1)]],
    device const float* temperature [[buffer(2)]], device const int* top_k [[buffer(3)]],
    device const uint2* top_p [[buffer(4)]], device const uint2* min_p [[buffer(5)]],
    device const uint2* largest [[buffer(6)]], uint lane [[thread_index_in_simdgroup]],
    uint simdgroup [[simdgroup_index_in_threadgroup]], uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint room[kSimd];
  const ValidateSample validate = {temperature, top_k, top_p, min_p, largest};
  ValidateEach(control, arguments.op, arguments.rows + 1, validate, room, Threads{lane, simdgroup, simdgroups});
}

// e^x for x ≤ 0. Where a double would not be 0 yet but e^x is too small for a pair, the result is
// FLT_MIN.
inline DoubleFloat WeightOf(DoubleFloat x) {
  if (!(x.high > -745.1332f)) return Pair(0);
  return x.high < -87 ? Pair(FLT_MIN) : Exp(x);
}
inline DoubleFloat WeightOf(DoubleFloat x, float temperature) {
  // Below this bound the weight is 0, and the quotient may overflow.
  return x.high < -746 * temperature ? Pair(0) : WeightOf(Divide(x, Pair(temperature)));
}

inline DoubleFloat PairFrom(float2 stored) { return Pair(stored.x, stored.y); }
inline float2 Stored(DoubleFloat value) { return float2(value.high, value.low); }

// weights: e^((logit − largest) / temperature). totals: Σ e^(logit − largest) of each chunk.
kernel void weigh(device const Control& control [[buffer(0)]], constant SampleArguments& arguments [[buffer(1)]],
                  device float2* weights [[buffer(2)]], device float2* totals [[buffer(3)]],
                  device const float* logits [[buffer(4)]], device const float* temperatures [[buffer(5)]],
                  device const uint2* largest [[buffer(6)]], uint place [[threadgroup_position_in_grid]],
                  uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
                  uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float2 room[kWeighThreads / kSimd];
  if (Stopped(control)) return;
  const Threads at = {lane, simdgroup, simdgroups};
  const uint n = arguments.n, row = place / arguments.chunks, begin = place % arguments.chunks * kChunk;
  const uint end = min(begin + kChunk, n);
  device const float* x = logits + row * n;
  const float temperature = *temperatures, most = x[largest[row].y];
  DoubleFloat total = Pair(0);
  for (uint i = begin + at.Index(); i < end; i += kWeighThreads) {
    const DoubleFloat below = ExactSum(x[i], -most);
    DoubleFloat weight = WeightOf(below);
    total = Add(total, weight);
    if (temperature == 0) continue;
    if (temperature != 1) weight = WeightOf(below, temperature);
    weights[row * n + i] = Stored(weight);
  }
  total = GroupSum(total, room, at);
  if (at.Index() == 0) totals[place] = Stored(total);
}

// ---- The draw. Counts and weights are summed by the same code.
inline uint Add(uint a, uint b) { return a + b; }
inline uint SimdSum(uint value) { return simd_sum(value); }
inline bool IsBelow(uint a, uint b) { return a < b; }
inline bool IsBelow(DoubleFloat a, DoubleFloat b) { return a.high < b.high || (a.high == b.high && a.low < b.low); }
inline uint Stored(uint value) { return value; }
inline void Take(thread uint& value, uint stored) { value = stored; }
inline void Take(thread DoubleFloat& value, float2 stored) { value = PairFrom(stored); }

// The weights of a row's choices: the logits whose key is at least `threshold` and whose weight is
// at least `least`. All others weigh 0.
struct Choices {
  device const float* logits;
  device const float2* weights;
  uint n;
  uint threshold;
  DoubleFloat least;

  DoubleFloat operator()(uint i) const {
    const DoubleFloat weight = PairFrom(weights[i]);
    if (Ordered(logits[i]) < threshold || IsBelow(weight, least)) return Pair(0);
    return weight;
  }
};

struct CountOne {
  uint operator()(uint i) const { return 1; }
};

constant constexpr uint kDigits = 16;

// The key (see Ordered) of the last of the largest logits that are needed to reach `goal` in total.
// It is found four bits at a time, from the highest. `above` is the total of the logits whose keys
// exceed all keys that the bits found so far allow. amount(i) is the amount of logit i. `room`
// holds kDigits values for each simdgroup, and kDigits totals.
template <class T, class S, class Amount>
inline uint Threshold(device const float* logits, uint n, T goal, threadgroup S* room, Amount amount, Threads at) {
  threadgroup S* const all = room + kSimdgroups * kDigits;
  uint prefix = 0, known = 0;
  T above = {};
  for (int shift = 28; shift >= 0; shift -= 4) {
    T sums[kDigits] = {};
    for (uint i = at.Index(); i < n; i += kThreads) {
      const uint order = Ordered(logits[i]), digit = order >> shift & (kDigits - 1);
      if ((order & known) != prefix) continue;
      const T mine = amount(i);
#pragma unroll
      for (uint d = 0; d < kDigits; ++d) {
        if (d == digit) sums[d] = Add(sums[d], mine);
      }
    }
#pragma unroll
    for (uint d = 0; d < kDigits; ++d) {
      const T sum = SimdSum(sums[d]);
      if (at.lane == 0) room[at.simdgroup * kDigits + d] = Stored(sum);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (at.Index() < kDigits) {
      T sum = {}, next = {};
      for (uint i = 0; i < kSimdgroups; ++i) {
        Take(next, room[i * kDigits + at.Index()]);
        sum = Add(sum, next);
      }
      all[at.Index()] = Stored(sum);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    uint digit = kDigits - 1;
    for (; digit > 0; --digit) {
      T those = {};
      Take(those, all[digit]);
      those = Add(above, those);
      if (!IsBelow(those, goal)) break;
      above = those;
    }
    prefix |= digit << shift;
    known |= (kDigits - 1) << shift;
  }
  return prefix;
}

// The length of a simdgroup's piece of the row.
inline uint PieceOf(uint n) { return (n + kThreads - 1) / kThreads * kSimd; }

// The sum of all weights. `sums` receives the sum of each simdgroup's piece.
inline DoubleFloat Total(Choices choices, threadgroup float2* sums, Threads at) {
  const uint piece = PieceOf(choices.n), begin = at.simdgroup * piece, end = min(begin + piece, choices.n);
  DoubleFloat sum = Pair(0);
  for (uint i = begin + at.lane; i < end; i += kSimd) sum = Add(sum, choices(i));
  sum = SimdSum(sum);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (at.lane == 0) sums[at.simdgroup] = Stored(sum);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  DoubleFloat total = Pair(0);
  for (uint i = 0; i < kSimdgroups; ++i) total = Add(total, PairFrom(sums[i]));
  return total;
}

inline uint LanesWhere(bool holds, uint lane) { return simd_or(holds ? 1u << lane : 0u); }

// Run by one simdgroup, on its piece. Returns the first choice at which the running sum, which
// starts at `sum`, exceeds the goal, or the piece's last choice.
inline uint Walk(Choices choices, uint begin, DoubleFloat sum, DoubleFloat goal, uint lane) {
  const uint end = min(begin + PieceOf(choices.n), choices.n);
  uint last = begin;
  for (uint start = begin; start < end; start += kSimd) {
    const DoubleFloat weight = start + lane < end ? choices(start + lane) : Pair(0);
    DoubleFloat upto = weight;
    for (ushort offset = 1; offset < kSimd; offset *= 2) {
      const DoubleFloat before = Pair(simd_shuffle_up(upto.high, offset), simd_shuffle_up(upto.low, offset));
      if (lane >= offset) upto = Add(upto, before);
    }
    upto = Add(sum, upto);
    const uint some = LanesWhere(weight.high > 0, lane);
    const uint over = LanesWhere(weight.high > 0 && IsBelow(goal, upto), lane);
    if (over != 0) return start + ctz(over);
    if (some != 0) last = start + kSimd - 1 - clz(some);
    sum = Pair(simd_broadcast(upto.high, ushort(kSimd - 1)), simd_broadcast(upto.low, ushort(kSimd - 1)));
  }
  return last;
}

[[max_total_threads_per_threadgroup(512)]] kernel void draw(
    device const Control& control [[buffer(0)]], constant SampleArguments& arguments [[buffer(1)]],
    device int* tokens [[buffer(2)]], device float* log_probabilities [[buffer(3)]],
    device const float* all_logits [[buffer(4)]], device const float* temperature [[buffer(5)]],
    device const int* top_k [[buffer(6)]], device const uint2* top_p_bits [[buffer(7)]],
    device const uint2* min_p_bits [[buffer(8)]], device const uint* rng [[buffer(9)]],
    device const uint2* all_largest [[buffer(10)]], device const float2* all_weights [[buffer(11)]],
    device const float2* totals [[buffer(12)]], uint row [[threadgroup_position_in_grid]],
    uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
    uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float2 masses[(kSimdgroups + 1) * kDigits];
  threadgroup uint counts[(kSimdgroups + 1) * kDigits];
  threadgroup float2 sums[kSimdgroups];
  if (Stopped(control)) return;
  const Threads at = {lane, simdgroup, simdgroups};
  const uint n = arguments.n;
  device const float* const logits = all_logits + row * n;
  const uint2 largest = all_largest[row];
  uint token = largest.y, drawing = 0;  // the simdgroup that finds the token
  const bool is_infinite = largest.x == kInfinity;
  if (*temperature > 0 && !is_infinite) {
    // The choices that the options leave, and the sum of their weights. The largest weight is 1.
    Choices choices = {logits, all_weights + row * n, n, 0, Pair(0)};
    const DoubleFloat top_p = PairFromDouble(*top_p_bits), min_p = PairFromDouble(*min_p_bits);
    const bool has_top_p = IsBelow(top_p, Pair(1));
    if (*top_k != 0 && uint(*top_k) < n) {
      choices.threshold = Threshold(logits, n, uint(*top_k), counts, CountOne{}, at);
    }
    DoubleFloat total = Total(choices, sums, at);
    if (has_top_p) {
      const uint least = Threshold(logits, n, Multiply(total, top_p), masses, choices, at);
      choices.threshold = max(choices.threshold, least);
    }
    choices.least = min_p;
    if (has_top_p || min_p.high > 0) total = Total(choices, sums, at);

    // Uniform in [0, 1).
    const float u = float(RandomStream(rng + 3 * row, arguments.site).Word(0) >> 8) * (1.0f / 16777216);
    const DoubleFloat goal = Multiply(total, u);
    DoubleFloat before = Pair(0), sum = Pair(0);
    for (uint i = 0; i < kSimdgroups && !IsBelow(goal, sum); ++i) {
      if (sums[i].x == 0) continue;
      drawing = i;
      before = sum;
      sum = Add(sum, PairFrom(sums[i]));
    }
    if (simdgroup == drawing) token = Walk(choices, drawing * PieceOf(n), before, goal, lane);
  }
  if (simdgroup != drawing) return;
  DoubleFloat total = Pair(0);
  for (uint i = lane; i < arguments.chunks; i += kSimd) {
    total = Add(total, PairFrom(totals[row * arguments.chunks + i]));
  }
  total = SimdSum(total);
  if (lane != 0) return;
  tokens[row] = int(token);
  const DoubleFloat below = ExactSum(logits[token], -logits[largest.y]);
  log_probabilities[row] = is_infinite ? 0 : ToFloat(Add(below, Negated(Log(total))));
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/sample.h"

namespace nano::metal {
namespace {

constexpr int kThreads = 512, kWeighThreads = 256;
constexpr int64_t kChunk = 2048, kPair = 2;  // logits per threadgroup, words per pair

}  // namespace

// Scratch, all in pairs of words: the largest logit of each row, the total of each chunk, and the
// weights.
size_t ScratchSample(const OpView& op, const Params&) {
  const int64_t elements = op.inputs[0].elements(), n = op.inputs[0].shape.last(), rows = elements / n;
  return static_cast<size_t>(kPair * (rows + rows * DivideUp(n, kChunk) + elements)) * sizeof(uint32_t);
}

Outcome RunSample(const Call& call, Message& message) {
  const int64_t rows = OutputShape(call, 0).elements(), n = InputShape(call, 0).last(), chunks = DivideUp(n, kChunk);
  const SampleArguments arguments = {static_cast<uint32_t>(rows), static_cast<uint32_t>(n),
                                     static_cast<uint32_t>(chunks), call.params->as<SampleParams>().site, call.op};
  const gpu::Tensor &logits = call.inputs[0], &temperature = call.inputs[1], &top_k = call.inputs[2],
                    &top_p = call.inputs[3], &min_p = call.inputs[4], &rng = call.inputs[5];
  const auto* const largest = static_cast<const uint32_t*>(call.scratch);
  const uint32_t* const totals = largest + kPair * rows;
  const uint32_t* const weights = totals + kPair * rows * chunks;
  Outcome outcome =
      Launch(call, message, {rows, kThreads}, {"sample", "find_largest"}, {}, arguments, {largest, logits});
  if (outcome != Outcome::kOk) return outcome;
  outcome = Launch(call, message, kExamineGrid, {"sample", "check_sample"}, {}, arguments,
                   {temperature, top_k, top_p, min_p, largest});
  if (outcome != Outcome::kOk) return outcome;
  outcome = Launch(call, message, {rows * chunks, kWeighThreads}, {"sample", "weigh"}, {}, arguments,
                   {weights, totals, logits, temperature, largest});
  if (outcome != Outcome::kOk) return outcome;
  return Launch(
      call, message, {rows, kThreads}, {"sample", "draw"}, {}, arguments,
      {call.outputs[0], call.outputs[1], logits, temperature, top_k, top_p, min_p, rng, largest, weights, totals});
}

}  // namespace nano::metal
#endif
