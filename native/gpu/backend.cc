// Implements the engine's Device on a GPU. Execution is asynchronous: the host waits only in
// Settle().
#include "gpu/backend.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

#include "gpu/executable.h"
#include "gpu/handles.h"

namespace nano::gpu {
namespace {

// Bytes of host memory that an upload takes, so that a large file needs no second copy of it.
constexpr size_t kMostCopied = size_t{64} << 20;

class GpuDevice final : public Device {
 public:
  GpuDevice(SharedDriver driver, Block control, std::string name)
      : shared_{std::move(driver), std::move(control), false, {}}, name_(std::move(name)) {}

  std::string name() const override { return name_; }

  Result<std::shared_ptr<Memory>> Allocate(size_t bytes) override {
    Result<Block> block = Block::OnDevice(shared_.driver, bytes);
    if (!block.ok()) return block.status();
    auto memory = std::make_shared<GpuMemory>(std::move(block.value()), bytes);
    if (bytes > 0) NANO_RETURN_IF_ERROR(shared_.driver->Zero(memory->data(), bytes));
    return std::shared_ptr<Memory>(std::move(memory));
  }

  Status Upload(Memory& to, std::span<const std::byte> from, size_t at) override {
    if (from.empty()) return Status::Ok();
    if (shared_.driver->SharesMemory()) {
      NANO_RETURN_IF_ERROR(shared_.driver->Finish());
      std::memcpy(DataOf(to) + at, from.data(), from.size());
      return Status::Ok();
    }
    for (size_t done = 0; done < from.size(); done += kMostCopied) {
      const size_t bytes = std::min(kMostCopied, from.size() - done);
      NANO_RETURN_IF_ERROR(Copy(bytes, [&](std::byte* host, Message& message) {
        std::memcpy(host, from.data() + done, bytes);
        return module().upload(queue(), DataOf(to) + at + done, host, bytes, message);
      }));
    }
    return Status::Ok();
  }

  Status Download(const Memory& from, std::span<std::byte> to) override {
    if (to.empty()) return Status::Ok();
    if (shared_.driver->SharesMemory()) {
      NANO_RETURN_IF_ERROR(shared_.driver->Finish());
      std::memcpy(to.data(), DataOf(from), to.size());
      return Status::Ok();
    }
    return Copy(
        to.size(),
        [&](std::byte* host, Message& message) {
          return module().download(queue(), host, DataOf(from), to.size(), message);
        },
        [&](const std::byte* host) { std::memcpy(to.data(), host, to.size()); });
  }

  Result<std::unique_ptr<Executable>> Compile(CheckedProgram program,
                                              std::vector<std::shared_ptr<Memory>> store) override {
    auto executable = std::make_unique<GpuExecutable>(std::move(program), std::move(store), shared_);
    NANO_RETURN_IF_ERROR(executable->Compile());
    return std::unique_ptr<Executable>(std::move(executable));
  }

  Settled Settle(size_t under_way, size_t left) override {
    Settled settled;
    while (under_way - settled.count > left) {
      const Shared::Pending oldest = shared_.under_way.front();
      shared_.under_way.pop_front();
      settled.failure = oldest.executable->Finish(*oldest.slot, oldest.outputs);
      if (settled.failure) {
        Recover(*settled.failure);
        break;
      }
      ++settled.count;
    }
    return settled;
  }

 private:
  const Module& module() const { return shared_.driver->module(); }
  Queue* queue() const { return shared_.driver->queue(); }

  // Executions in flight see the failure and do nothing. When they are over, clears the control so
  // that kernels run again.
  void Recover(OpFailure& failure) {
    while (!shared_.under_way.empty()) {
      static_cast<void>(shared_.under_way.back().slot->done.Wait());
      shared_.under_way.pop_back();
    }
    const Status status = shared_.ClearControl();
    if (!status.ok() && failure.status.code() != Code::kDeviceLost) failure = {status, {}, {}};
  }

  // Enqueues a copy from or to host memory, waits for it, then passes the host memory to `after`.
  template <class Enqueue>
  Status Copy(size_t bytes, Enqueue&& enqueue, const std::function<void(const std::byte*)>& after = {}) {
    Result<Block> host = Block::OnHost(shared_.driver, bytes);
    if (!host.ok()) return host.status();
    EventPointer done(shared_.driver);
    NANO_RETURN_IF_ERROR(done.Make());
    NANO_RETURN_IF_ERROR(shared_.driver->Ask([&](Message& message) { return enqueue(host.value().data(), message); }));
    NANO_RETURN_IF_ERROR(done.Mark());
    NANO_RETURN_IF_ERROR(done.Wait());
    if (after) after(host.value().data());
    return Status::Ok();
  }

  Shared shared_;
  std::string name_;
};

}  // namespace

Result<std::unique_ptr<Device>> OpenGpu(const Module& module, int ordinal, std::string name) {
  auto driver = std::make_shared<Driver>(module);
  NANO_RETURN_IF_ERROR(driver->Open(ordinal));
  Result<Block> control = Block::OnDevice(driver, sizeof(Control));
  if (!control.ok()) return control.status();
  NANO_RETURN_IF_ERROR(driver->Zero(control.value().data(), sizeof(Control)));
  return std::unique_ptr<Device>(
      std::make_unique<GpuDevice>(std::move(driver), std::move(control.value()), std::move(name)));
}

}  // namespace nano::gpu
