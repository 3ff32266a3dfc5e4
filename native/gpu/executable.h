// A Program on a GPU. An execution is enqueued as a whole: its input record goes up, its ops run, its output record and
// the control come down.
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

// What a queue has to do with all its Programs.
struct Shared {
  SharedDriver driver;
  Block control;       // a Control
  bool stale = false;  // it may hold a error about what is over
  struct Pending {
    class GpuExecutable* executable;
    const Slot* slot;
    std::byte* outputs;
  };
  std::deque<Pending> under_way;

  // Kernels work again, once all that is enqueued is over.
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
  std::optional<OpFailure> Run(const std::byte* inputs, std::byte* outputs, bool check_finite,
                               double* seconds) override;
  // Waits for the execution in `slot` and takes its output record from there.
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
  Calls calls_;  // the first to go: what is recorded uses the rest
};

}  // namespace nano::gpu
