// The process-wide pool of threads that kernels share. How work is cut into tasks depends on shapes alone, never on the
// number of threads, so that results don't either: the pool only decides who runs a task.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include "engine/inline.h"

namespace nano {

class Pool {
 public:
  explicit Pool(int threads);  // counts the calling thread: 1 means no other
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  NANO_INLINE int threads() const { return threads_; }

  // Calls task(index, worker) for every index in [0, count), each once, and returns when all are done. `worker` is in
  // [0, threads()) and no two tasks that run at once share it: it names the scratch to use. One caller at a time.
  // With one task or one thread it runs on the caller, without a word to the others. No allocation, no lock.
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
