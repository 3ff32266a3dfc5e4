// sample: draws a token for each row of logits.
#include "ops/sample.h"

#include <cstring>

#include "cpu/errors.h"
#include "cpu/kernels.h"
#include "ops/math.h"
#include "ops/philox.h"

namespace nano::cpu::NANO_ISA {
namespace {

// Floats as integers in the same order. Neither zero comes before the other.
NANO_INLINE uint32_t Ordered(float x) {
  if (x == 0) x = 0.0f;
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// The order of the k-th largest, digit by digit from the highest: k counts what is left above.
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

// The first of the largest, or -1 if there is none: a NaN among them, or nothing above −Infinity.
int64_t FirstLargest(const float* logits, int64_t n) {
  int64_t best = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (logits[i] != logits[i]) return -1;
    if (logits[i] > logits[best]) best = i;
  }
  return logits[best] < 0 && logits[best] - logits[best] != 0 ? -1 : best;
}

// Draws from the rest at u in [0, 1). Weights are relative to the largest, so at least one is 1.
int64_t Draw(const float* logits, int64_t n, int64_t largest, double temperature, uint32_t threshold, double u) {
  const double top = logits[largest];
  double total = 0;
  const auto weight = [&](int64_t i) {
    return Ordered(logits[i]) >= threshold ? nano::Exp((logits[i] - top) / temperature) : 0.0;
  };
  for (int64_t i = 0; i < n; ++i) total += weight(i);
  const double goal = u * total;
  double sum = 0;
  int64_t last = largest;
  for (int64_t i = 0; i < n; ++i) {
    const double w = weight(i);
    if (w == 0) continue;
    sum += w;
    last = i;
    if (sum > goal) break;
  }
  return last;
}

}  // namespace

Status RunSample(const Call& call) {
  const int64_t rows = call.outputs[0].spec->elements(), n = call.inputs[0].spec->elements() / rows;
  const float temperature = *call.inputs[1].f32();
  const int64_t top_k = *call.inputs[2].i32();
  if (!(temperature >= 0 && temperature < kFloatInfinity)) return BadTemperature(temperature);
  if (top_k < 0) return OutOfRange("sample", "top_k", top_k, 0, 0x7FFFFFFF);
  const RandomStream random(call.inputs[3].u32(), call.params->as<SampleParams>().site);
  for (int64_t row = 0; row < rows; ++row) {
    const float* logits = call.inputs[0].f32() + row * n;
    int64_t token = FirstLargest(logits, n);
    if (token < 0) return NothingToSample(row);
    if (temperature > 0 && logits[token] < kFloatInfinity) {
      const uint32_t threshold = top_k == 0 || top_k >= n ? 0 : Threshold(logits, n, top_k);
      token = Draw(logits, n, token, temperature, threshold, Uniform(random.Word(static_cast<uint64_t>(row))));
    }
    call.outputs[0].i32()[row] = static_cast<int32_t>(token);
  }
  return Status();
}

}  // namespace nano::cpu::NANO_ISA
