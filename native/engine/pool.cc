// Implements the pool. Each worker has a lane of the tasks to begin with, the same part of them in every run, so that
// the rows it worked on in one op are in its cache for the next; whoever is done with his own helps with the others'.
// One word of a lane holds where it ends and the next task to claim, so that a claim is a single fetch_add and a worker
// that wakes late finds nothing to claim instead of something stale. Nobody waits for a worker that has not come: the
// caller works too, and waits only for tasks that others have claimed.
#include "engine/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#if defined(_M_X64) || defined(__x86_64__)
#include <immintrin.h>
#endif

namespace nano {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kNextBits = 32;
// A run of more tasks than this is cut. The claims that come too late, one a worker, must not reach the count's bits.
constexpr int64_t kMaxTasks = int64_t{1} << 30;

// How long an idle thread looks for work before it sleeps: longer than the gap between two ops of a small model.
// Where there are more threads than processors every look takes time from somebody who works, so there they yield.
constexpr std::chrono::microseconds kSpinTime{50};
constexpr int kLooksPerTimeCheck = 32;
constexpr int kYields = 4;

void Relax() {
#if defined(_M_X64) || defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  asm volatile("yield");
#else
  std::this_thread::yield();
#endif
}

// Looks until `done()` is true or it is time to sleep; says which.
template <class Done>
bool Spin(bool crowded, Done&& done) {
  if (!crowded) {
    const auto end = Clock::now() + kSpinTime;
    do {
      for (int look = 0; look < kLooksPerTimeCheck; ++look) {
        if (done()) return true;
        Relax();
      }
    } while (Clock::now() < end);
  }
  for (int look = 0; look < kYields; ++look) {
    if (done()) return true;
    std::this_thread::yield();
  }
  return done();
}

}  // namespace

struct Pool::State {
  // The run at hand. Written before any lane, read after a claim: between the two nobody else writes them, as the run
  // can't end before the claimed task has.
  RawTask task = nullptr;
  void* context = nullptr;
  int64_t base = 0;

  struct alignas(64) Lane {
    std::atomic<uint64_t> claims{0};  // end << kNextBits | next
  };
  std::vector<Lane> lanes;  // one a worker, the caller's first

  alignas(64) std::atomic<int> unfinished{0};
  alignas(64) std::atomic<int> epoch{0};  // changes with every run; what idle workers sleep on
  std::atomic<bool> stop{false};
  bool crowded = false;
  std::vector<std::thread> workers;

  // Runs tasks until none is left to claim: first those of the worker's own lane.
  void Drain(int worker) {
    int finished = 0;
    const int count = static_cast<int>(lanes.size());
    for (int i = 0, lane = worker; i < count; ++i, lane = lane + 1 == count ? 0 : lane + 1) {
      std::atomic<uint64_t>& claims = lanes[lane].claims;
      while (Claimable(claims.load(std::memory_order_acquire))) {
        const uint64_t claim = claims.fetch_add(1, std::memory_order_acq_rel);
        if (!Claimable(claim)) break;
        task(context, base + static_cast<int64_t>(claim & kNextMask), worker);
        ++finished;
      }
    }
    // After this subtraction the run may be over and its fields another run's.
    if (finished > 0 && unfinished.fetch_sub(finished, std::memory_order_acq_rel) == finished && worker != 0) {
      unfinished.notify_one();
    }
  }

  void Work(int worker) {
    while (true) {
      const int seen = epoch.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_acquire)) return;
      Drain(worker);
      const auto changed = [&] { return epoch.load(std::memory_order_relaxed) != seen; };
      if (!Spin(crowded, changed)) epoch.wait(seen, std::memory_order_acquire);
    }
  }

  void Wake(int64_t helpers) {
    epoch.fetch_add(1, std::memory_order_acq_rel);
    if (helpers >= static_cast<int64_t>(workers.size())) {
      epoch.notify_all();
    } else {
      for (int64_t i = 0; i < helpers; ++i) epoch.notify_one();
    }
  }

  void WaitForOthers() {
    const auto done = [&] { return unfinished.load(std::memory_order_acquire) == 0; };
    if (Spin(crowded, done)) return;
    for (int left = unfinished.load(std::memory_order_acquire); left != 0;
         left = unfinished.load(std::memory_order_acquire)) {
      unfinished.wait(left, std::memory_order_acquire);
    }
  }

  void Join() {
    stop.store(true, std::memory_order_release);
    epoch.fetch_add(1, std::memory_order_acq_rel);
    epoch.notify_all();
    for (std::thread& worker : workers) worker.join();
    workers.clear();
  }

  static constexpr uint64_t kNextMask = (uint64_t{1} << kNextBits) - 1;
  static bool Claimable(uint64_t claims) { return (claims & kNextMask) < (claims >> kNextBits); }
};

Pool::Pool(int threads) : state_(std::make_unique<State>()), threads_(std::max(threads, 1)) {
  const unsigned processors = std::thread::hardware_concurrency();
  state_->crowded = processors > 0 && static_cast<unsigned>(threads_) > processors;
  try {
    state_->lanes = std::vector<State::Lane>(threads_);
    state_->workers.reserve(threads_ - 1);
    for (int worker = 1; worker < threads_; ++worker) {
      state_->workers.emplace_back([state = state_.get(), worker] { state->Work(worker); });
    }
  } catch (...) {
    state_->Join();
    throw;
  }
}

Pool::~Pool() { state_->Join(); }

void Pool::RunRaw(int64_t count, RawTask task, void* context) {
  if (count <= 1 || threads_ == 1) {
    for (int64_t index = 0; index < count; ++index) task(context, index, 0);
    return;
  }
  State& state = *state_;
  for (int64_t base = 0; base < count; base += kMaxTasks) {
    const int64_t tasks = std::min(count - base, kMaxTasks);
    state.task = task;
    state.context = context;
    state.base = base;
    state.unfinished.store(static_cast<int>(tasks), std::memory_order_relaxed);
    for (int lane = 0; lane < threads_; ++lane) {
      const uint64_t begin = tasks * lane / threads_, end = tasks * (lane + 1) / threads_;
      state.lanes[lane].claims.store(end << kNextBits | begin, std::memory_order_release);
    }
    state.Wake(tasks - 1);
    state.Drain(0);
    state.WaitForOthers();
  }
}

}  // namespace nano
