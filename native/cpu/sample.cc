// sample: draws a token for each row of logits. All arithmetic is in double, and sums are split by
// the length of a row alone.
#include "ops/sample.h"

#include <cstring>

#include "cpu/kernels.h"
#include "cpu/loops.h"
#include "ops/math.h"
#include "ops/philox.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
namespace {

constexpr int64_t kGroup = 64;  // logits of which the largest is noted

struct Sampling {
  float temperature;
  int64_t top_k;
  double top_p, min_p;
};

// A row, and the parts of the scratch.
struct Row {
  const float* logits;
  int64_t n;
  double largest;
  double* weights;    // of each logit; see Weigh
  double* masses;     // Σ weights of each chunk
  double* totals;     // Σ e^(logit − largest) of each chunk
  float* maxima;      // of each group
  uint32_t* indices;  // of some logits

  NANO_INLINE int64_t chunks() const { return DivideUp(n, kSlowChunk); }
  NANO_INLINE int64_t groups() const { return DivideUp(n, kGroup); }
  // Logits [i, i + 8). Those beyond the row are −Infinity.
  NANO_INLINE F8 Eight(int64_t i) const {
    if (i + 8 <= n) return Load(logits + i);
    return FirstElse(n - i, LoadSome(logits + i, n - i), Set(-kFloatInfinity));
  }
};

// Maps a float to an integer that sorts in the same order, with −0 below 0.
NANO_INLINE uint32_t Ordered(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// The float of an integer that Ordered() returns. Lower integers map to −Infinity.
NANO_INLINE float FromOrdered(uint32_t order) {
  if (order <= Ordered(-kFloatInfinity)) return -kFloatInfinity;
  const uint32_t bits = order & 0x80000000u ? order & 0x7FFFFFFFu : ~order;
  float x;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

// e^x for x ≤ 0, with the bits of nano::Exp.
NANO_INLINE D8 ExpDown(D8 x) {
  x = Max(x, SetDouble(-746));  // e^−746 is 0 too
  const D8 n = Truncate(x * SetDouble(nano::kLog2E) - SetDouble(0.5));
  const D8 r = (x - n * SetDouble(nano::kLn2High)) - n * SetDouble(nano::kLn2Low);
  D8 p = SetDouble(nano::ExpTerm(0));
  for (int i = 1; i < 12; ++i) p = p * r + SetDouble(nano::ExpTerm(i));
  p = (p * r) * r + r + SetDouble(1);
  // The sum of 1.5·2^52 and an integer holds the integer in its low bits.
  const D8 magic = SetDouble(6755399441055744.0 + 1023);
  const D8 half = Truncate(n * SetDouble(0.5));
  return p * ShiftLeft52(half + magic) * ShiftLeft52(n - half + magic);
}

// Notes the largest logit of each group. Returns the index of the first largest logit, or -1 if
// there is a NaN or if all are −Infinity.
int64_t FirstLargest(const Row& row) {
  F8 nans = Set(0);
  float largest = -kFloatInfinity;
  int64_t best = -1;
  for (int64_t group = 0; group < row.groups(); ++group) {
    F8 most = Set(-kFloatInfinity);
    for (int64_t i = group * kGroup; i < Smaller(row.n, (group + 1) * kGroup); i += 8) {
      const F8 x = row.Eight(i);
      most = Max(x, most);
      nans = Max(nans, AndNot(LessEqual(x, Set(kFloatInfinity)), Set(1)));
    }
    row.maxima[group] = Largest(most);
    if (row.maxima[group] > largest) largest = row.maxima[group], best = group * kGroup;
  }
  if (best < 0 || Largest(nans) > 0) return -1;
  while (row.logits[best] != largest) ++best;
  return best;
}

// Lists the indices of the logits that are at least `least`. Returns their number.
int64_t ListFrom(const Row& row, float least) {
  int64_t count = 0;
  for (int64_t group = 0; group < row.groups(); ++group) {
    if (row.maxima[group] < least) continue;
    for (int64_t i = group * kGroup; i < Smaller(row.n, (group + 1) * kGroup); ++i) {
      row.indices[count] = static_cast<uint32_t>(i);
      count += row.logits[i] >= least ? 1 : 0;
    }
  }
  return count;
}

// The largest value such that the listed values that are not below it have amounts of at least
// `goal` in total. It is found one digit of 8 bits at a time, from the highest. `above` is the total
// amount of the values that are larger than all that match the digits so far; those that match stay
// in the list. amount(i) is the amount of value i.
template <class T, class Amount>
NANO_INLINE float Threshold(const float* values, uint32_t* list, int64_t count, T goal, const Amount& amount) {
  uint32_t found = 0;
  T above = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    T sums[256] = {};
    for (int64_t at = 0; at < count; ++at) sums[Ordered(values[list[at]]) >> shift & 255] += amount(list[at]);
    uint32_t digit = 255;
    for (; digit > 0 && above + sums[digit] < goal; --digit) above += sums[digit];
    int64_t kept = 0;
    for (int64_t at = 0; at < count; ++at) {
      const uint32_t index = list[at];
      list[kept] = index;
      kept += (Ordered(values[index]) >> shift & 255) == digit ? 1 : 0;
    }
    count = kept;
    found |= digit << shift;
  }
  return FromOrdered(found);
}

// The k-th largest value, or −Infinity if there are fewer.
float Kth(const float* values, uint32_t* list, int64_t count, int64_t k) {
  return Threshold(values, list, count, k, [](uint32_t) { return int64_t{1}; });
}

// The k-th largest logit. It is not below the k-th largest maximum of a group, so only the logits
// from that on are searched.
float KthLogit(const Row& row, int64_t k) {
  for (int64_t i = 0; i < row.groups(); ++i) row.indices[i] = static_cast<uint32_t>(i);
  const float least = Kth(row.maxima, row.indices, row.groups(), k);
  return Kth(row.logits, row.indices, ListFrom(row, least), k);
}

// The smallest logit in the top-p set: the largest logits whose weights add up to top_p · total.
// Logits with weights so small that together they are half of the rest are not searched.
float LeastOfTopP(const Row& row, const Sampling& how, double total) {
  const double negligible = 0.5 * (1 - how.top_p) * total / static_cast<double>(row.n);
  const double least = row.largest + static_cast<double>(how.temperature) * nano::Log(negligible);
  const int64_t count = ListFrom(row, static_cast<float>(least));
  return Threshold(row.logits, row.indices, count, how.top_p * total, [&](uint32_t i) { return row.weights[i]; });
}

NANO_INLINE double SumOf(const double* values, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += values[i];
  return sum;
}

// Computes the totals. If the temperature is not 0 it also computes the weights and the masses: the
// weight of a logit is e^((logit − largest) / temperature), or 0 if the logit is below `threshold`
// or the weight would be below `least`.
void Weigh(const Row& row, double temperature, float threshold, double least, Pool* pool) {
  ForChunks(pool, row.n, kSlowChunk, [&](int64_t begin, int64_t end) {
    D8 total = SetDouble(0), mass = SetDouble(0);
    for (int64_t i = begin; i < end; i += 8) {
      const D8 x = Widen(row.Eight(i)), below = x - SetDouble(row.largest), e = ExpDown(below);
      total = total + e;
      if (temperature == 0) continue;
      D8 weight = temperature == 1 ? e : ExpDown(below / SetDouble(temperature));
      weight = WhereAtLeast(x, SetDouble(threshold), WhereAtLeast(weight, SetDouble(least), weight));
      StoreDouble(row.weights + i, weight);
      mass = mass + weight;
    }
    row.totals[begin / kSlowChunk] = Sum(total);
    row.masses[begin / kSlowChunk] = Sum(mass);
  });
}

// Sets further weights to 0, by the same conditions.
void Drop(const Row& row, float threshold, double least, Pool* pool) {
  ForChunks(pool, row.n, kSlowChunk, [&](int64_t begin, int64_t end) {
    D8 mass = SetDouble(0);
    for (int64_t i = begin; i < end; i += 8) {
      D8 weight = LoadDouble(row.weights + i);
      weight = WhereAtLeast(Widen(row.Eight(i)), SetDouble(threshold), WhereAtLeast(weight, SetDouble(least), weight));
      StoreDouble(row.weights + i, weight);
      mass = mass + weight;
    }
    row.masses[begin / kSlowChunk] = Sum(mass);
  });
}

// Draws an index by weight, given a uniform u in [0, 1): the first at which the running sum exceeds
// its share of the total, or else the last that has a weight.
int64_t Draw(const Row& row, double u) {
  const double goal = u * SumOf(row.masses, row.chunks());
  int64_t chunk = 0, last = 0;
  double sum = 0;
  for (; sum + row.masses[chunk] <= goal; ++chunk) sum += row.masses[chunk];
  for (int64_t i = chunk * kSlowChunk; i < Smaller(row.n, (chunk + 1) * kSlowChunk); ++i) {
    if (row.weights[i] == 0) continue;
    sum += row.weights[i];
    last = i;
    if (sum > goal) break;
  }
  return last;
}

// Draws a token with a temperature. The candidates are found as lib/ops/sample.ts describes.
int64_t Choose(const Row& row, const Sampling& how, double u, Pool* pool) {
  const bool top_k = how.top_k > 0 && how.top_k < row.n, top_p = how.top_p < 1;
  const float threshold = top_k ? KthLogit(row, how.top_k) : -kFloatInfinity;
  Weigh(row, how.temperature, threshold, top_p ? 0 : how.min_p, pool);
  if (top_p) Drop(row, LeastOfTopP(row, how, SumOf(row.masses, row.chunks())), how.min_p, pool);
  return Draw(row, u);
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

// The parts of the scratch, for a row of n logits.
struct Room {
  int64_t weights, chunks, groups;  // doubles, doubles, floats

  explicit NANO_INLINE Room(int64_t n)
      : weights(RoundUp(n, 8)), chunks(DivideUp(n, kSlowChunk)), groups(DivideUp(n, kGroup)) {}
};

}  // namespace

size_t ScratchSample(const OpView& op, const Params&, int) {
  const int64_t n = op.inputs[0].shape.last();
  const Room room(n);
  return static_cast<size_t>(room.weights + 2 * room.chunks) * sizeof(double) +
         static_cast<size_t>(room.groups) * sizeof(float) + static_cast<size_t>(n) * sizeof(uint32_t);
}

InputError RunSample(const Call& call) {
  const int64_t rows = call.outputs[0].spec->elements(), n = call.inputs[0].spec->elements() / rows;
  const auto& in = call.inputs;
  const Sampling how = {*in[1].f32(), *in[2].i32(), *in[3].f64(), *in[4].f64()};
  if (!IsValid(how)) return InvalidError(how);
  const Room room(n);
  Row row{};
  row.n = n;
  row.weights = reinterpret_cast<double*>(call.scratch);
  row.masses = row.weights + room.weights;
  row.totals = row.masses + room.chunks;
  row.maxima = reinterpret_cast<float*>(row.totals + room.chunks);
  row.indices = reinterpret_cast<uint32_t*>(row.maxima + room.groups);
  for (int64_t r = 0; r < rows; ++r) {
    row.logits = in[0].f32() + r * n;
    int64_t token = FirstLargest(row);
    if (token < 0) return NothingToSample(kSampleLogits, r);
    row.largest = row.logits[token];
    float log_probability = 0;  // that of an infinite logit
    if (row.largest < kFloatInfinity) {
      if (how.temperature > 0) {
        const RandomStream random(in[5].u32() + 3 * r, call.params->as<SampleParams>().site);
        token = Choose(row, how, Uniform(random.Word(0)), call.pool);
      } else {
        Weigh(row, 0, -kFloatInfinity, 0, call.pool);
      }
      const double total = SumOf(row.totals, room.chunks);  // without temperature and filters
      log_probability = static_cast<float>(row.logits[token] - row.largest - nano::Log(total));
    }
    call.outputs[0].i32()[r] = static_cast<int32_t>(token);
    call.outputs[1].f32()[r] = log_probability;
  }
  return {};
}

}  // namespace nano::cpu::NANO_ISA
