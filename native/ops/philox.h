// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) and the
// distributions made from its words. Test vector: counter 0, key 0 → 6627e8d5 e169c58d bc57ac4c
// 9b00dbd8.
#pragma once

#include <cstdint>

#include "engine/inline.h"

namespace nano {

NANO_CONSTANT uint32_t kPhiloxMultiplier0 = 0xD2511F53, kPhiloxMultiplier1 = 0xCD9E8D57;
NANO_CONSTANT uint32_t kPhiloxWeyl0 = 0x9E3779B9, kPhiloxWeyl1 = 0xBB67AE85;
NANO_CONSTANT int kPhiloxRounds = 10;

struct PhiloxBlock {
  uint32_t word[4];
};

NANO_INLINE PhiloxBlock Philox(PhiloxBlock counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t product0 = static_cast<uint64_t>(kPhiloxMultiplier0) * counter.word[0];
    const uint64_t product1 = static_cast<uint64_t>(kPhiloxMultiplier1) * counter.word[2];
    const PhiloxBlock next = {
        {static_cast<uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0, static_cast<uint32_t>(product1),
         static_cast<uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1, static_cast<uint32_t>(product0)}};
    counter = next;
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
  return counter;
}

// The random words of one site and draw. `rng` holds the low and high words of the seed, and the
// draw.
struct RandomStream {
  uint32_t key0, key1, site, draw;

#if defined(__METAL_VERSION__)
  RandomStream(device const uint32_t* rng, uint32_t site) : key0(rng[0]), key1(rng[1]), site(site), draw(rng[2]) {}
#else
  NANO_INLINE RandomStream(const uint32_t* rng, uint32_t site) : key0(rng[0]), key1(rng[1]), site(site), draw(rng[2]) {}
#endif

  NANO_INLINE PhiloxBlock Block(uint64_t block) const {
    return Philox({{static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), site, draw}}, key0, key1);
  }
  NANO_INLINE uint32_t Word(uint64_t element) const { return Block(element / 4).word[element % 4]; }
};

#if !defined(__METAL_VERSION__)  // Metal has no double
// Uniform in [0, 1).
NANO_INLINE double Uniform(uint32_t word) { return static_cast<double>(word >> 8) * (1.0 / 16777216.0); }

// A dropout mask keeps an element if its random word ≥ threshold, and multiplies it by scale.
struct DropoutRule {
  uint32_t threshold;
  float scale;

  explicit NANO_INLINE DropoutRule(double p)
      : threshold(static_cast<uint32_t>(p * 4294967296.0)), scale(static_cast<float>(1.0 / (1.0 - p))) {}
};
#endif

}  // namespace nano
