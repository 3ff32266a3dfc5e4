// The peak performance of the processor, measured with the pool's threads. Benchmarks compare
// kernels with it.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/status.h"

namespace nano {
class Pool;
}

namespace nano::cpu {

// The timed loops, compiled once for each instruction set.
struct PeakLoops {
  // Independent multiply-adds in registers: kMultiplyAdds vectors of eight, `rounds` times.
  float (*multiply_adds)(int64_t rounds);
  // The sum of x.
  float (*read)(const float* x, int64_t n);
  // a = b + factor · c, the "triad" of STREAM (McCalpin, 1995).
  void (*triad)(float* a, const float* b, const float* c, float factor, int64_t n);
};

// More than the ten that two units with a latency of five cycles keep in flight, and few enough for
// sixteen registers.
constexpr int kMultiplyAdds = 12;

struct Peak {
  double flops_per_second = 0;        // of multiply-adds in registers; each counts as two
  double read_bytes_per_second = 0;   // from memory, with arrays far larger than the caches
  double triad_bytes_per_second = 0;  // two arrays read and one written
};

// Returns the best of several rounds and takes about two seconds. Fails if arrays far larger than
// the caches can't be allocated.
Result<Peak> MeasurePeak(std::string_view instruction_set, Pool& pool);

}  // namespace nano::cpu
