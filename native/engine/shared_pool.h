// The thread pool of the process, which can be resized between jobs. Only the engine thread may use
// it. Any thread may read its size.
#pragma once

#include <atomic>
#include <memory>

#include "engine/pool.h"
#include "engine/status.h"

namespace nano {

class SharedPool {
 public:
  explicit SharedPool(int threads);

  // Starts the threads on first use. Throws std::system_error if they can't start.
  Pool& Get();
  // Stops the current threads and starts the new ones. If that fails, the size stays as it was.
  Status Resize(int threads);
  int threads() const { return threads_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int> threads_;
  std::unique_ptr<Pool> pool_;
};

// The number of threads that this machine can run at once.
int DefaultThreads();

}  // namespace nano
