// What the processor can do at most, measured with the pool's threads: the ceiling that kernels are compared with.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/status.h"

namespace nano {
class Pool;
}

namespace nano::cpu {

// The loops that are timed, compiled once for each instruction set.
struct PeakLoops {
  // Independent multiply-adds on numbers in registers: `rounds` times kMultiplyAdds vectors of eight.
  float (*multiply_adds)(int64_t rounds);
  // The sum of x.
  float (*read)(const float* x, int64_t n);
  // a = b + factor · c, the "triad" of STREAM (McCalpin, 1995).
  void (*triad)(float* a, const float* b, const float* c, float factor, int64_t n);
};

// More than two units with a latency of five cycles hold at once, and few enough for sixteen registers.
constexpr int kMultiplyAdds = 12;

struct Peak {
  double flops_per_second = 0;        // of multiply-adds in registers; each counts two
  double read_bytes_per_second = 0;   // from memory, far beyond the caches
  double triad_bytes_per_second = 0;  // two arrays read and one written
};

// The best of several rounds, in about two seconds. Fails where there is no memory for arrays far larger than caches.
Result<Peak> MeasurePeak(std::string_view instruction_set, Pool& pool);

}  // namespace nano::cpu
