#include "engine/shared_pool.h"

#include <algorithm>
#include <string>
#include <thread>

namespace nano {

int DefaultThreads() { return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMaxThreads); }

SharedPool::SharedPool(int threads) : threads_(threads) {}

Pool& SharedPool::Get() {
  if (pool_ == nullptr) pool_ = std::make_unique<Pool>(threads());
  return *pool_;
}

Status SharedPool::Resize(int threads) {
  if (threads < 1 || threads > kMaxThreads) {
    return {Code::kInvalidArgument,
            "threads is " + std::to_string(threads) + "; it must be between 1 and " + std::to_string(kMaxThreads)};
  }
  if (threads == threads_.load()) return Status::Ok();
  pool_.reset();
  threads_.store(threads);
  return Status::Ok();
}

}  // namespace nano
