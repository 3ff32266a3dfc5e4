// sample: draws a token for each row of logits.
#include "ops/sample.h"

#include <cstring>

#include "cpu/kernels.h"
#include "ops/math.h"
#include "ops/philox.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
namespace {

struct Sampling {
  float temperature;
  int64_t top_k;
  double top_p, min_p;
};

// Maps a float to an integer that sorts in the same order. Both zeros map to the same integer.
NANO_INLINE uint32_t Ordered(float x) {
  if (x == 0) x = 0.0f;
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// Ordered() of the k-th largest logit, found one digit of 8 bits at a time from the highest. k
// becomes the rank among the logits that share the digits found so far.
uint32_t Threshold(const float* logits, int64_t n, int64_t k) {
  uint32_t prefix = 0, known = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    int64_t counts[256] = {};
    for (int64_t i = 0; i < n; ++i) {
      const uint32_t order = Ordered(logits[i]);
      if ((order & known) == prefix) ++counts[order >> shift & 255];
    }
    uint32_t digit = 255;
    for (; counts[digit] < k; --digit) k -= counts[digit];
    prefix |= digit << shift;
    known |= 255u << shift;
  }
  return prefix;
}

// The index of the first largest logit. -1 if there is a NaN or if all are −Infinity.
int64_t FirstLargest(const float* logits, int64_t n) {
  int64_t best = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (logits[i] != logits[i]) return -1;
    if (logits[i] > logits[best]) best = i;
  }
  return logits[best] < 0 && logits[best] - logits[best] != 0 ? -1 : best;
}

// weights[i] = exp((logits[i] − largest) / temperature), or 0 below the threshold. Returns the sum
// of the weights.
double Weigh(const float* logits, int64_t n, float largest, double temperature, uint32_t threshold, double* weights) {
  double total = 0;
  for (int64_t i = 0; i < n; ++i) {
    const bool kept = Ordered(logits[i]) >= threshold;
    weights[i] = kept ? nano::Exp((static_cast<double>(logits[i]) - static_cast<double>(largest)) / temperature) : 0.0;
    total += weights[i];
  }
  return total;
}

// Ordered() of the smallest logit in the top-p set: the largest logits whose weights add up to
// `goal`. Found one digit of 8 bits at a time from the highest. `above` is the sum of the weights
// of all logits larger than those that share the digits found so far.
uint32_t MassThreshold(const float* logits, const double* weights, int64_t n, double goal) {
  uint32_t prefix = 0, known = 0;
  double above = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    double sums[256] = {};
    for (int64_t i = 0; i < n; ++i) {
      const uint32_t order = Ordered(logits[i]);
      if ((order & known) == prefix) sums[order >> shift & 255] += weights[i];
    }
    uint32_t digit = 255;
    for (; digit > 0 && above + sums[digit] < goal; --digit) above += sums[digit];
    prefix |= digit << shift;
    known |= 255u << shift;
  }
  return prefix;
}

// Sets the weights of the tokens that the sampling options allow, and 0 for all others. Returns the
// sum of the weights. The largest weight is 1.
double Choices(const float* logits, int64_t n, float largest, const Sampling& how, double* weights) {
  const uint32_t threshold = how.top_k == 0 || how.top_k >= n ? 0 : Threshold(logits, n, how.top_k);
  double total = Weigh(logits, n, largest, how.temperature, threshold, weights);
  if (how.top_p < 1) {
    const uint32_t least = MassThreshold(logits, weights, n, how.top_p * total);
    total = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (Ordered(logits[i]) < least) weights[i] = 0;
      total += weights[i];
    }
  }
  if (how.min_p > 0) {
    total = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (weights[i] < how.min_p) weights[i] = 0;
      total += weights[i];
    }
  }
  return total;
}

// Draws an index by weight, given a uniform u in [0, 1).
int64_t Draw(const double* weights, int64_t n, double total, double u) {
  const double goal = u * total;
  double sum = 0;
  int64_t last = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (weights[i] == 0) continue;
    sum += weights[i];
    last = i;
    if (sum > goal) break;
  }
  return last;
}

// log softmax(logits)[token], without temperature or filters. An infinite logit has probability 1.
float LogProbability(const float* logits, int64_t n, float largest, int64_t token) {
  if (largest == kFloatInfinity) return 0;
  double total = 0;
  for (int64_t i = 0; i < n; ++i) total += nano::Exp(static_cast<double>(logits[i]) - static_cast<double>(largest));
  return static_cast<float>(static_cast<double>(logits[token]) - static_cast<double>(largest) - nano::Log(total));
}

bool IsValid(const Sampling& how) {
  return how.temperature >= 0 && how.temperature < kFloatInfinity && how.top_k >= 0 && how.top_p > 0 &&
         how.top_p <= 1 && how.min_p >= 0 && how.min_p <= 1;
}

InputError InvalidError(const Sampling& how) {
  if (!(how.temperature >= 0 && how.temperature < kFloatInfinity)) {
    return BadNumber(kSampleTemperature, InputError::kTemperature, how.temperature);
  }
  if (how.top_k < 0) return ValidateRange(kSampleTopK, InputError::kTopK, -1, how.top_k, 0, 0x7FFFFFFF);
  if (!(how.top_p > 0 && how.top_p <= 1))
    return BadNumber(kSampleTopP, InputError::kTopP, static_cast<float>(how.top_p));
  return BadNumber(kSampleMinP, InputError::kMinP, static_cast<float>(how.min_p));
}

}  // namespace

size_t ScratchSample(const OpView& op, const Params&, int) {
  return static_cast<size_t>(op.inputs[0].shape.last()) * sizeof(double);
}

InputError RunSample(const Call& call) {
  const int64_t rows = call.outputs[0].spec->elements(), n = call.inputs[0].spec->elements() / rows;
  const auto& in = call.inputs;
  const Sampling how = {*in[1].f32(), *in[2].i32(), *in[3].f64(), *in[4].f64()};
  if (!IsValid(how)) return InvalidError(how);
  double* weights = reinterpret_cast<double*>(call.scratch);
  for (int64_t row = 0; row < rows; ++row) {
    const float* logits = in[0].f32() + row * n;
    int64_t token = FirstLargest(logits, n);
    if (token < 0) return NothingToSample(kSampleLogits, row);
    const float largest = logits[token];
    if (how.temperature > 0 && largest < kFloatInfinity) {
      const RandomStream random(in[5].u32() + 3 * row, call.params->as<SampleParams>().site);
      const double total = Choices(logits, n, largest, how, weights);
      token = Draw(weights, n, total, Uniform(random.Word(0)));
    }
    call.outputs[0].i32()[row] = static_cast<int32_t>(token);
    call.outputs[1].f32()[row] = LogProbability(logits, n, largest, token);
  }
  return {};
}

}  // namespace nano::cpu::NANO_ISA
