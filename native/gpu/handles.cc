// Wraps a module's queue, memory and events.
#include "gpu/handles.h"

#include <cstring>

namespace nano::gpu {

Status ToStatus(Outcome outcome, const Message& message) {
  switch (outcome) {
    case Outcome::kOk:
      return Status::Ok();
    case Outcome::kOutOfMemory:
      return {Code::kOutOfMemory, message.text};
    case Outcome::kUnsupported:
      return {Code::kUnsupported, message.text};
    case Outcome::kLost:
      return {Code::kDeviceLost, message.text};
  }
  return {Code::kInternal, message.text};
}

Status Driver::Open(int ordinal) {
  return Ask([&](Message& message) { return module_.open(ordinal, queue_, message); });
}

Status Driver::Finish() const {
  return Ask([&](Message& message) { return module_.finish(queue_, message); });
}

Status Driver::Zero(void* to, size_t bytes) const {
  if (!SharesMemory()) {
    return Ask([&](Message& message) { return module_.zero(queue_, to, bytes, message); });
  }
  NANO_RETURN_IF_ERROR(Finish());
  std::memset(to, 0, bytes);
  return Status::Ok();
}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(driver_, other.driver_);
  std::swap(data_, other.data_);
  std::swap(on_host_, other.on_host_);
  return *this;
}

Block::~Block() {
  if (data_ == nullptr) return;
  (on_host_ ? driver_->module().free_host : driver_->module().free)(driver_->queue(), data_);
}

Result<Block> Block::Make(const SharedDriver& driver, size_t bytes, bool on_host) {
  Block block;
  if (bytes == 0) return block;
  block.driver_ = driver;
  block.on_host_ = on_host;
  const auto allocate = on_host ? driver->module().allocate_host : driver->module().allocate;
  NANO_RETURN_IF_ERROR(
      driver->Ask([&](Message& message) { return allocate(driver->queue(), bytes, block.data_, message); }));
  return block;
}

Status EventPointer::Make(bool timed) {
  return driver_->Ask(
      [&](Message& message) { return driver_->module().make_event(driver_->queue(), timed, event_, message); });
}

Status EventPointer::Mark() const {
  return driver_->Ask([&](Message& message) { return driver_->module().mark(driver_->queue(), event_, message); });
}

Status EventPointer::Wait() const {
  return driver_->Ask([&](Message& message) { return driver_->module().wait(event_, message); });
}

Result<double> EventPointer::SecondsTo(const EventPointer& later) const {
  double seconds = 0;
  NANO_RETURN_IF_ERROR(driver_->Ask(
      [&](Message& message) { return driver_->module().seconds(event_, later.event_, seconds, message); }));
  return seconds;
}

}  // namespace nano::gpu
