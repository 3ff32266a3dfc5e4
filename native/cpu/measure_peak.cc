// Times the loops in peak.cc. Compiled once.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <utility>

#include "cpu/kernel.h"
#include "cpu/peak.h"
#include "engine/host_memory.h"
#include "engine/pool.h"

namespace nano::cpu {
namespace {

constexpr int kRounds = 7;
constexpr double kSecondsPerRound = 0.03;
constexpr int64_t kTasksPerThread = 16;  // small tasks, so that a late thread costs little
constexpr double kFlopsPerRound = 2.0 * 8 * kMultiplyAdds;
constexpr int64_t kFloats = int64_t{1} << 25;  // in each of three arrays of 128 MiB
constexpr int64_t kChunk = int64_t{1} << 18;

// Receives unused results, so that the compiler doesn't remove their computation.
std::atomic<float> sink;

template <class Body>
double Seconds(const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The best rate per second, if one call of `body` does `amount` of work.
template <class Body>
double Best(double amount, const Body& body) {
  double least = Seconds(body);
  for (int round = 1; round < kRounds; ++round) least = std::min(least, Seconds(body));
  return amount / least;
}

double MeasureFlops(const PeakLoops& loops, Pool& pool) {
  const int64_t tasks = pool.threads() * kTasksPerThread;
  const auto run = [&](int64_t rounds) {
    pool.Run(tasks, [&](int64_t, int) { sink.store(loops.multiply_adds(rounds), std::memory_order_relaxed); });
  };
  int64_t rounds = 1024;
  while (Seconds([&] { run(rounds); }) < kSecondsPerRound) rounds *= 2;
  return Best(kFlopsPerRound * static_cast<double>(rounds * tasks), [&] { run(rounds); });
}

class Arrays {
 public:
  // Writes to the memory first: untouched memory maps to one page of zeros, which is read from the
  // cache.
  static Result<Arrays> Make(const PeakLoops& loops, Pool& pool) {
    Result<HostMemory> memory = HostMemory::Allocate(3 * kFloats * sizeof(float));
    if (!memory.ok()) return memory.status();
    Arrays arrays(std::move(memory.value()), loops, pool);
    arrays.Triad();
    float* const all = arrays.array(0);
    arrays.ForChunks(3 * kFloats, [&](int64_t at) { std::fill(all + at, all + at + kChunk, 1.0f); });
    return arrays;
  }

  void Triad() {
    ForChunks(kFloats, [&](int64_t at) { loops_.triad(array(0) + at, array(1) + at, array(2) + at, 0.5f, kChunk); });
  }

  void Read() {
    ForChunks(3 * kFloats,
              [&](int64_t at) { sink.store(loops_.read(array(0) + at, kChunk), std::memory_order_relaxed); });
  }

 private:
  Arrays(HostMemory memory, const PeakLoops& loops, Pool& pool)
      : memory_(std::move(memory)), loops_(loops), pool_(pool) {}

  float* array(int index) const { return reinterpret_cast<float*>(memory_.data()) + index * kFloats; }

  template <class Body>
  void ForChunks(int64_t floats, const Body& body) {
    pool_.Run(floats / kChunk, [&](int64_t chunk, int) { body(chunk * kChunk); });
  }

  HostMemory memory_;
  const PeakLoops& loops_;
  Pool& pool_;
};

}  // namespace

Result<Peak> MeasurePeak(std::string_view instruction_set, Pool& pool) {
  const KernelTable* table = SelectKernels(instruction_set);
  if (table == nullptr) {
    return Status(Code::kUnsupported, "there are no kernels for the instruction set \"" + std::string(instruction_set) +
                                          "\" here to measure");
  }
  Peak peak;
  peak.flops_per_second = MeasureFlops(*table->peak, pool);
  Result<Arrays> arrays = Arrays::Make(*table->peak, pool);
  if (!arrays.ok()) return arrays.status();
  constexpr double kBytes = 3.0 * kFloats * sizeof(float);
  peak.read_bytes_per_second = Best(kBytes, [&] { arrays.value().Read(); });
  peak.triad_bytes_per_second = Best(kBytes, [&] { arrays.value().Triad(); });
  return peak;
}

}  // namespace nano::cpu
