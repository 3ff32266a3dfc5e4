// A Program's ops as kernel calls in order. They are enqueued one by one (calls.cc), recorded once
// and replayed (recording.cc), or timed (timing.cc).
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
  // `program` must outlive this object and must not move.
  Calls(SharedDriver driver, const CheckedProgram& program)
      : driver_(std::move(driver)), program_(program.program), params_(program.params) {}
  ~Calls();
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  Status FindKernels();
  // The scratch size of each op in bytes.
  std::vector<size_t> ScratchSizes() const;
  // Makes the calls, complete except for their data pointers.
  void Make(Control* control);
  // Sets the data pointers to locate(buffer) and scratch(op). A recording made with other pointers
  // must be dropped first.
  void Bind(const std::function<std::byte*(uint32_t)>& locate, const std::function<std::byte*(size_t)>& scratch);

  std::optional<OpFailure> Run(bool check_finite) const { return RunMarked(check_finite, nullptr); }
  std::optional<OpFailure> Replay();
  // Adds the time of each op to `seconds`. Waits for the execution, so that the events can be
  // reused.
  std::optional<OpFailure> RunTimed(bool check_finite, double* seconds);
  void DropRecording();

 private:
  const Module& module() const { return driver_->module(); }
  Queue* queue() const { return driver_->queue(); }
  const Tensor* AddTensors(const std::vector<uint32_t>& buffers);
  // Enqueues the ops and marks an event before each one. Without `events` it marks none.
  std::optional<OpFailure> RunMarked(bool check_finite, const EventPointer* events) const;
  std::optional<OpFailure> Record();

  SharedDriver driver_;
  const Program& program_;
  const std::vector<Params>& params_;
  std::vector<const Kernel*> kernels_;
  std::vector<Tensor> tensors_;  // inputs and outputs of all ops, in op order
  std::vector<Call> calls_;
  Recording* recording_ = nullptr;
  std::vector<EventPointer> events_;  // one before each op and one after the last; made on first use
};

}  // namespace nano::gpu
