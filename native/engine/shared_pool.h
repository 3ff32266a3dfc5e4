// The one pool of the process, whose size can change between jobs. Only the thread that runs the engine may use it;
// anyone may ask for its size.
#pragma once

#include <atomic>
#include <memory>

#include "engine/pool.h"
#include "engine/status.h"

namespace nano {

constexpr int kMaxThreads = 256;

class SharedPool {
 public:
  explicit SharedPool(int threads);

  // Starts the threads when first called. They may fail to start: std::system_error.
  Pool& Get();
  // Ends the present threads; the new ones start when they are first needed.
  Status Resize(int threads);
  int threads() const { return threads_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int> threads_;
  std::unique_ptr<Pool> pool_;
};

// As many threads as this machine can run at once.
int DefaultThreads();

}  // namespace nano
