// The thread pool that all kernels of the process share. It only decides which thread runs a task.
// Results don't depend on the number of threads: a kernel may choose the number of tasks by it, but
// the order of every sum depends on shapes alone (except in BLAS, cpu/blas.h).
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include "engine/inline.h"

namespace nano {

constexpr int kMaxThreads = 256;

class Pool {
 public:
  explicit Pool(int threads);  // includes the calling thread: 1 starts no other
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  NANO_INLINE int threads() const { return threads_; }

  // Calls task(index, worker) once for every index in [0, count) and returns when all calls are
  // done. `worker` is in [0, threads()) and differs between tasks that run at the same time, so it
  // can select a scratch area. Only one thread may call Run() at a time. With one task or one
  // thread, all tasks run on the calling thread and no other thread wakes. Run() allocates nothing
  // and takes no lock.
  template <class Task>
  NANO_INLINE void Run(int64_t count, Task&& task) {
    RunRaw(
        count,
        [](void* context, int64_t index, int worker) {
          (*static_cast<std::remove_reference_t<Task>*>(context))(index, worker);
        },
        const_cast<void*>(static_cast<const void*>(&task)));
  }

 private:
  using RawTask = void (*)(void* context, int64_t index, int worker);
  void RunRaw(int64_t count, RawTask task, void* context);

  struct State;
  std::unique_ptr<State> state_;
  int threads_;
};

}  // namespace nano
