// Parameters of muon.
#pragma once

#include <cstdint>

namespace nano {

struct MuonParams {
  static constexpr int64_t kMostIterations = 100;
  int64_t iterations;
  double weight_decay;
};

// Newton–Schulz iteration: σ → a·σ + b·σ³ + c·σ⁵ for every singular value σ (Jordan et al., 2024).
constexpr float kMuonA = 3.4445f, kMuonB = -4.7750f, kMuonC = 2.0315f;
// Added to the norm before dividing, so that a zero direction stays zero.
constexpr double kMuonSmallest = 1e-7;

}  // namespace nano
