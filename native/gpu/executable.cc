// Compiles, binds and runs a Program on a GPU.
#include "gpu/executable.h"

#include <algorithm>
#include <string>
#include <utility>

#include "ops/explain.h"

namespace nano::gpu {

Status Shared::ClearControl() {
  const Status status = driver->Zero(control.data(), sizeof(Control));
  stale = !status.ok();
  return status;
}

Status GpuExecutable::Compile() {
  NANO_RETURN_IF_ERROR(calls_.FindKernels());
  NANO_RETURN_IF_ERROR(CheckSizes());
  NANO_RETURN_IF_ERROR(staging_.Make());
  NANO_RETURN_IF_ERROR(arena_.Make(shared_.driver, program(), calls_.ScratchSizes()));
  calls_.Make(control());
  return Status::Ok();
}

Status GpuExecutable::CheckSizes() const {
  const int64_t most = shared_.driver->module().most_elements;
  for (const Buffer& buffer : program().buffers) {
    if (buffer.spec.elements() <= most) continue;
    return {Code::kUnsupported,
            "tensor \"" + buffer.name + "\" has " + std::to_string(buffer.spec.elements()) +
                " elements; on this GPU at most " + std::to_string(most) +
                " can be had. A smaller `batchSize` (with more `gradientAccumulationSteps`) needs fewer"};
  }
  return Status::Ok();
}

Status GpuExecutable::Bind(Memory& arena) {
  std::byte* base = DataOf(arena);
  if (bound_ && base == bound_to_) return Status::Ok();
  calls_.DropRecording();
  bound_ = true;
  bound_to_ = base;
  calls_.Bind([&](uint32_t buffer) { return Locate(buffer, base); },
              [&](size_t op) { return arena_.Scratch(op, base); });
  return Status::Ok();
}

std::byte* GpuExecutable::Locate(uint32_t index, std::byte* arena) const {
  const Role role = program().buffers[index].role;
  if (role == Role::kStore) return DataOf(*store_[index]);
  if (role != Role::kTemporary) return staging_.Locate(index);
  return arena_.Temporary(index, arena);
}

std::optional<OpFailure> GpuExecutable::Run(const std::byte* inputs, std::byte* outputs,
                                            const ExecutionOptions& options) {
  if (shared_.stale) {
    if (Status status = shared_.ClearControl(); !status.ok()) return OpFailure{std::move(status), {}, {}};
  }
  const Slot& slot = staging_.Fill(inputs);
  if (auto failure = Enqueue(slot, options.check_finite, options.seconds)) {
    shared_.stale = true;  // part of it runs, and its error won't be read
    return failure;
  }
  shared_.under_way.push_back({this, &slot, outputs});
  return std::nullopt;
}

std::optional<OpFailure> GpuExecutable::Enqueue(const Slot& slot, bool check_finite, double* seconds) {
  const auto lost = [](Status status) { return OpFailure{std::move(status), {}, {}}; };
  if (Status status = staging_.Send(slot); !status.ok()) return lost(std::move(status));
  if (seconds != nullptr) {
    if (auto failure = calls_.RunTimed(check_finite, seconds)) return failure;
  } else if (check_finite) {
    if (auto failure = calls_.Run(true)) return failure;
  } else if (auto failure = calls_.Replay()) {
    return failure;
  }
  Status status = staging_.Fetch(slot, control());
  if (status.ok()) status = slot.done.Mark();
  if (!status.ok()) return lost(std::move(status));
  return std::nullopt;
}

std::optional<OpFailure> GpuExecutable::Finish(const Slot& slot, std::byte* outputs) const {
  if (Status status = slot.done.Wait(); !status.ok()) return OpFailure{std::move(status), {}, {}};
  const Control control = staging_.ControlIn(slot);
  if (control.failed != 0) {
    return Explain(program(), std::min<size_t>(control.op, program().ops.size() - 1), control.error);
  }
  staging_.Take(slot, outputs);
  return std::nullopt;
}

}  // namespace nano::gpu
