// RAII wrappers of a module's resources: queue, memory, events.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "engine/backend.h"
#include "engine/status.h"
#include "gpu/driver.h"

namespace nano::gpu {

Status ToStatus(Outcome outcome, const Message& message);

// Calls a module's functions on one queue and converts their outcomes to Status.
class Driver {
 public:
  explicit Driver(const Module& module) : module_(module) {}
  ~Driver() {
    if (queue_ != nullptr) module_.close(queue_);
  }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  Status Open(int ordinal);
  // `ask(message)` calls a function of the module.
  template <class Call>
  Status Ask(Call&& ask) const {
    Message message;
    return ToStatus(ask(message), message);
  }
  // Whether the host may access device memory after Finish().
  bool SharesMemory() const { return module_.finish != nullptr; }
  Status Finish() const;
  Status Zero(void* to, size_t bytes) const;
  const Module& module() const { return module_; }
  Queue* queue() const { return queue_; }

 private:
  const Module& module_;
  Queue* queue_ = nullptr;
};

using SharedDriver = std::shared_ptr<const Driver>;

class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept { *this = std::move(other); }
  Block& operator=(Block&& other) noexcept;
  ~Block();

  static Result<Block> OnDevice(const SharedDriver& driver, size_t bytes) { return Make(driver, bytes, false); }
  static Result<Block> OnHost(const SharedDriver& driver, size_t bytes) { return Make(driver, bytes, true); }
  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  static Result<Block> Make(const SharedDriver& driver, size_t bytes, bool on_host);

  SharedDriver driver_;
  void* data_ = nullptr;
  bool on_host_ = false;
};

class GpuMemory final : public Memory {
 public:
  GpuMemory(Block block, size_t bytes) : Memory(bytes), block_(std::move(block)) {}
  std::byte* data() const { return block_.data(); }

 private:
  Block block_;
};

inline std::byte* DataOf(const Memory& memory) { return static_cast<const GpuMemory&>(memory).data(); }

class EventPointer {
 public:
  explicit EventPointer(SharedDriver driver) : driver_(std::move(driver)) {}
  EventPointer(EventPointer&& other) noexcept : driver_(other.driver_), event_(std::exchange(other.event_, nullptr)) {}
  EventPointer& operator=(EventPointer&&) = delete;
  ~EventPointer() {
    if (event_ != nullptr) driver_->module().free_event(event_);
  }
  Status Make(bool timed = false);
  Status Mark() const;
  Status Wait() const;
  Result<double> SecondsTo(const EventPointer& later) const;

 private:
  SharedDriver driver_;
  Event* event_ = nullptr;
};

}  // namespace nano::gpu
