// Philox and dropout masks for eight blocks of four words at a time (see ops/philox.h).
#pragma once

#include "cpu/simd.h"
#include "ops/philox.h"

namespace nano::cpu::NANO_ISA {

// A random stream with the keys of all rounds, replicated in every lane.
struct WideRandom {
  I8 site, draw, keys[kPhiloxRounds][2];

  explicit NANO_INLINE WideRandom(const RandomStream& random)
      : site(SetInt(static_cast<int32_t>(random.site))), draw(SetInt(static_cast<int32_t>(random.draw))) {
    for (uint32_t round = 0; round < kPhiloxRounds; ++round) {
      keys[round][0] = SetInt(static_cast<int32_t>(random.key0 + round * kPhiloxWeyl0));
      keys[round][1] = SetInt(static_cast<int32_t>(random.key1 + round * kPhiloxWeyl1));
    }
  }
};

// The block numbers `block` to `block` + 7 as low and high words, in the order of kBlockOfLane.
NANO_INLINE void BlockNumbers(uint64_t block, I8& low, I8& high) {
  low = SetInt(static_cast<int32_t>(static_cast<uint32_t>(block))) + LoadInt(kBlockOfLane);
  high = SetInt(static_cast<int32_t>(static_cast<uint32_t>(block >> 32)));
  if (static_cast<uint32_t>(block) < 0xFFFFFFF8) return;
  uint32_t carried[8];
  for (int i = 0; i < 8; ++i) carried[i] = static_cast<uint32_t>((block + kBlockOfLane[i]) >> 32);
  high = LoadInt(carried);
}

// Computes kGroups groups of 32 words, each from eight blocks, starting at block `block`. Two
// groups at once hide the latency of the multiplications.
template <int kGroups>
NANO_INLINE void PhiloxGroups(const WideRandom& random, uint64_t block, I8 (&words)[kGroups][4]) {
  const I8 multiplier0 = SetInt(static_cast<int32_t>(kPhiloxMultiplier0));
  const I8 multiplier1 = SetInt(static_cast<int32_t>(kPhiloxMultiplier1));
  for (int g = 0; g < kGroups; ++g) {
    BlockNumbers(block + 8 * static_cast<uint64_t>(g), words[g][0], words[g][1]);
    words[g][2] = random.site, words[g][3] = random.draw;
  }
  for (int round = 0; round < kPhiloxRounds; ++round) {
    for (I8(&c)[4] : words) {
      I8 high0, low0, high1, low1;
      MulWide(c[0], multiplier0, high0, low0);
      MulWide(c[2], multiplier1, high1, low1);
      c[0] = high1 ^ c[1] ^ random.keys[round][0];
      c[2] = high0 ^ c[3] ^ random.keys[round][1];
      c[1] = low1;
      c[3] = low0;
    }
  }
  for (I8(&c)[4] : words) OrderBlocks(c);
}

// Floats that DropoutFactors may write before and after the requested range.
constexpr int64_t kFactorsBefore = 3, kFactorsAfter = 32;

template <int kGroups>
NANO_INLINE void FactorGroups(const WideRandom& random, const DropoutRule& rule, uint64_t block, float* factors) {
  const F8 scale = Set(rule.scale);
  const I8 threshold = SetInt(static_cast<int32_t>(rule.threshold));
  I8 words[kGroups][4];
  PhiloxGroups<kGroups>(random, block, words);
  for (int i = 0; i < 4 * kGroups; ++i) Store(factors + 8 * i, And(AtLeast(words[i / 4][i % 4], threshold), scale));
}

// factors[i] is the dropout scale if element first + i is kept, otherwise 0, for i < count. Writes
// up to kFactorsBefore floats before `factors` and kFactorsAfter floats after the last.
static inline void DropoutFactors(const WideRandom& random, const DropoutRule& rule, uint64_t first, int64_t count,
                                  float* factors) {
  uint64_t block = first / 4;
  int64_t i = -static_cast<int64_t>(first % 4);
  for (; i + 32 < count; i += 64, block += 16) FactorGroups<2>(random, rule, block, factors + i);
  if (i < count) FactorGroups<1>(random, rule, block, factors + i);
}

}  // namespace nano::cpu::NANO_ISA
