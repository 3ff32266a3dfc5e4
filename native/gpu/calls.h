// A Program's ops as calls of kernels, in order: enqueued one by one (calls.cc), recorded once and replayed
// (recording.cc), or timed (timing.cc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "engine/backend.h"
#include "engine/check.h"
#include "gpu/handles.h"

namespace nano::gpu {

class Calls {
 public:
  // `program` must outlive it and stay where it is.
  Calls(SharedDriver driver, const CheckedProgram& program)
      : driver_(std::move(driver)), program_(program.program), params_(program.params) {}
  ~Calls();
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  Status FindKernels();
  // Bytes that each op needs.
  std::vector<size_t> ScratchSizes() const;
  // The calls, complete but for their pointers to data.
  void Make(Control* control);
  // locate(buffer) and scratch(op) are those pointers. What was recorded with others must be dropped before.
  void Bind(const std::function<std::byte*(uint32_t)>& locate, const std::function<std::byte*(size_t)>& scratch);

  std::optional<OpFailure> Run(bool check_finite) const { return RunMarked(check_finite, nullptr); }
  std::optional<OpFailure> Replay();
  // Adds to `seconds`, by op. Waits, so that the events are free for the next execution.
  std::optional<OpFailure> RunTimed(bool check_finite, double* seconds);
  void DropRecording();

 private:
  const Module& module() const { return driver_->module(); }
  Queue* queue() const { return driver_->queue(); }
  const Tensor* AddTensors(const std::vector<uint32_t>& buffers);
  // Enqueues the ops, before each the mark of its event; null: none.
  std::optional<OpFailure> RunMarked(bool check_finite, const EventPointer* events) const;
  std::optional<OpFailure> Record();

  SharedDriver driver_;
  const Program& program_;
  const std::vector<Params>& params_;
  std::vector<const Kernel*> kernels_;
  std::vector<Tensor> tensors_;  // all ops' inputs and outputs, in op order
  std::vector<Call> calls_;
  Recording* recording_ = nullptr;
  std::vector<EventPointer> events_;  // before each op, and after the last; made when ops are first timed
};

}  // namespace nano::gpu
