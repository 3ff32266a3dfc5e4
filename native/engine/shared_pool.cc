#include "engine/shared_pool.h"

#include <algorithm>
#include <string>
#include <system_error>
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
  if (pool_ != nullptr && threads == pool_->threads()) return Status::Ok();
  pool_.reset();  // first, because the system may not have threads for both
  try {
    pool_ = std::make_unique<Pool>(threads);
  } catch (const std::system_error& error) {
    return {Code::kUnsupported, std::to_string(threads) + " threads can't be started: " + error.what() +
                                    ". Give fewer `threads`, or raise the limit of processes and threads (ulimit -u)"};
  }
  threads_.store(threads);
  return Status::Ok();
}

}  // namespace nano
