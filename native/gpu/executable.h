// A Program compiled for a GPU. An execution is enqueued as a whole: upload the input record, run
// the ops, download the output record and the control.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/backend.h"
#include "gpu/arena.h"
#include "gpu/calls.h"
#include "gpu/control.h"
#include "gpu/handles.h"
#include "gpu/staging.h"

namespace nano::gpu {

// State of a queue that all its Programs share.
struct Shared {
  SharedDriver driver;
  Block control;       // a Control
  bool stale = false;  // it may hold an error of an earlier execution
  struct Pending {
    class GpuExecutable* executable;
    const Slot* slot;
    std::byte* outputs;
  };
  std::deque<Pending> under_way;

  // Clears the error, so that kernels run again after all enqueued work.
  Status ClearControl();
};

class GpuExecutable final : public Executable {
 public:
  GpuExecutable(CheckedProgram checked, std::vector<std::shared_ptr<Memory>> store, Shared& shared)
      : Executable(std::move(checked)),
        shared_(shared),
        store_(std::move(store)),
        staging_(shared.driver, inputs(), outputs()),
        calls_(shared.driver, this->checked()) {}

  Status Compile();

  Status Prepare() override { return Status::Ok(); }
  size_t arena_bytes() const override { return arena_.bytes(); }
  size_t staging_bytes() const override { return staging_.bytes(); }
  Status Bind(Memory& arena) override;
  std::optional<OpFailure> Run(const std::byte* inputs, std::byte* outputs, const ExecutionOptions& options) override;
  // Waits for the execution in `slot` and copies its output record to `outputs`.
  std::optional<OpFailure> Finish(const Slot& slot, std::byte* outputs) const;

 private:
  Status CheckSizes() const;
  std::byte* Locate(uint32_t index, std::byte* arena) const;
  std::optional<OpFailure> Enqueue(const Slot& slot, bool check_finite, double* seconds);
  Control* control() const { return reinterpret_cast<Control*>(shared_.control.data()); }

  Shared& shared_;
  std::vector<std::shared_ptr<Memory>> store_;
  Staging staging_;
  Arena arena_;
  bool bound_ = false;
  std::byte* bound_to_ = nullptr;
  Calls calls_;  // destroyed first: its recording uses the members above
};

}  // namespace nano::gpu
