// Each worker has a lane: a range of tasks that it runs first. The ranges are the same in every run
// of the same size, so the rows that a worker used in one op are still in its cache for the next. A
// worker that finishes its lane takes tasks from the other lanes.
//
// One 64-bit word of a lane holds its end and the next task to claim. A claim is therefore a single
// fetch_add, and a worker that wakes late finds nothing to claim rather than a stale task. The
// caller works too. It waits only for tasks that other workers have claimed, never for a worker
// that hasn't woken.
#include "engine/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#if defined(_M_X64) || defined(__x86_64__)
#include <immintrin.h>
#endif

namespace nano {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kNextBits = 32;
// A run with more tasks than this is split. After the last task each worker may make one more
// claim; these must not overflow into the bits that hold the end.
constexpr int64_t kMaxTasks = int64_t{1} << 30;

// How long an idle thread polls for work before it sleeps: longer than the gap between two ops of a
// small model. With more threads than processors, polling takes time from threads that have work,
// so threads yield instead.
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

// Polls until `done()` is true (returns true) or it is time to sleep (returns false).
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

#if defined(__GLIBCXX__) && !defined(_GLIBCXX_HAVE_PLATFORM_WAIT)
// Without futexes, as on Windows, std::atomic::wait of libstdc++ can miss a notification and wait
// forever, because it compares the value before it takes its lock. This class compares under the
// lock, which a notification takes too.
class Waitable : public std::atomic<int> {
 public:
  using std::atomic<int>::atomic;

  void wait(int old, std::memory_order order) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return load(order) != old; });
  }
  void notify_one() {
    { const std::lock_guard lock(mutex_); }
    changed_.notify_one();
  }
  void notify_all() {
    { const std::lock_guard lock(mutex_); }
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};
#else
using Waitable = std::atomic<int>;
#endif

}  // namespace

struct Pool::State {
  // The current run. Written before any lane and read after a claim. Nothing writes these fields in
  // between, because the run can't end before the claimed task does.
  RawTask task = nullptr;
  void* context = nullptr;
  int64_t base = 0;

  struct alignas(64) Lane {
    std::atomic<uint64_t> claims{0};  // end << kNextBits | next
  };
  std::vector<Lane> lanes;  // one per worker, the caller's first

  alignas(64) Waitable unfinished{0};
  alignas(64) Waitable epoch{0};  // changes with every run; idle workers wait on it
  std::atomic<bool> stop{false};
  bool crowded = false;
  std::vector<std::thread> workers;

  // Runs tasks until no lane has any left, starting with the worker's own lane.
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
    // After this subtraction the run may be over, and the fields may belong to the next run.
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
