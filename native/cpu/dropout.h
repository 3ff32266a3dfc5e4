// Code shared by dropout and dropout_add: iterates over a range of elements with their dropout
// factors.
#pragma once

#include "cpu/loops.h"
#include "cpu/random.h"
#include "ops/dropout.h"

namespace nano::cpu::NANO_ISA {

// x · factor where the factor is positive, and 0 elsewhere, even if x is NaN.
NANO_INLINE F8 Dropped(F8 x, F8 factor) { return And(Greater(factor, Set(0)), x * factor); }

// Calls body(i, count, factors) for consecutive pieces of [begin, end).
template <class Body>
NANO_INLINE void ForFactors(const DropoutParams& p, const uint32_t* rng, int64_t begin, int64_t end, const Body& body) {
  constexpr int64_t kPiece = 512;
  const WideRandom random(RandomStream(rng, p.site));
  const DropoutRule rule(p.p);
  float buffer[kFactorsBefore + kPiece + kFactorsAfter];
  float* factors = buffer + kFactorsBefore;
  for (int64_t i = begin; i < end; i += kPiece) {
    const int64_t count = Smaller(kPiece, end - i);
    DropoutFactors(random, rule, static_cast<uint64_t>(i), count, factors);
    body(i, count, factors);
  }
}

}  // namespace nano::cpu::NANO_ISA
