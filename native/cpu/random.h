// Philox and dropout masks, eight blocks of four words at a time (see ops/philox.h).
#pragma once

#include "cpu/simd.h"
#include "ops/philox.h"

namespace nano::cpu::NANO_ISA {

// A stream with the keys of all rounds, in every lane.
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

// Block numbers `block` to `block` + 7, low words and high words, in the order of kBlockOfLane.
NANO_INLINE void BlockNumbers(uint64_t block, I8& low, I8& high) {
  low = SetInt(static_cast<int32_t>(static_cast<uint32_t>(block))) + LoadInt(kBlockOfLane);
  high = SetInt(static_cast<int32_t>(static_cast<uint32_t>(block >> 32)));
  if (static_cast<uint32_t>(block) < 0xFFFFFFF8) return;
  uint32_t carried[8];
  for (int i = 0; i < 8; ++i) carried[i] = static_cast<uint32_t>((block + kBlockOfLane[i]) >> 32);
  high = LoadInt(carried);
}

// The 32 words of blocks `block` to `block` + 7.
NANO_INLINE void PhiloxEight(const WideRandom& random, uint64_t block, I8 (&words)[4]) {
  const I8 multiplier0 = SetInt(static_cast<int32_t>(kPhiloxMultiplier0));
  const I8 multiplier1 = SetInt(static_cast<int32_t>(kPhiloxMultiplier1));
  I8 c0, c1, c2 = random.site, c3 = random.draw;
  BlockNumbers(block, c0, c1);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    I8 high0, low0, high1, low1;
    MulWide(c0, multiplier0, high0, low0);
    MulWide(c2, multiplier1, high1, low1);
    c0 = high1 ^ c1 ^ random.keys[round][0];
    c2 = high0 ^ c3 ^ random.keys[round][1];
    c1 = low1;
    c3 = low0;
  }
  words[0] = c0, words[1] = c1, words[2] = c2, words[3] = c3;
  OrderBlocks(words);
}

// Room that DropoutFactors needs around what it is asked for.
constexpr int64_t kFactorsBefore = 3, kFactorsAfter = 32;

// factors[i] = the dropout scale where element first + i is kept, else 0, for i < count. Writes up to kFactorsBefore
// floats before `factors` and kFactorsAfter behind the last.
static inline void DropoutFactors(const WideRandom& random, const DropoutRule& rule, uint64_t first, int64_t count,
                                  float* factors) {
  const F8 scale = Set(rule.scale);
  const I8 threshold = SetInt(static_cast<int32_t>(rule.threshold));
  uint64_t block = first / 4;
  for (int64_t i = -static_cast<int64_t>(first % 4); i < count; i += 32, block += 8) {
    I8 words[4];
    PhiloxEight(random, block, words);
    for (int j = 0; j < 4; ++j) Store(factors + i + 8 * j, And(AtLeast(words[j], threshold), scale));
  }
}

}  // namespace nano::cpu::NANO_ISA
