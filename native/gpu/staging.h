// The way of inputs to the device and of outputs and errors back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "engine/record.h"
#include "gpu/control.h"
#include "gpu/handles.h"

namespace nano::gpu {

// Where the buffers of one role lie in a block, each aligned.
struct Layout {
  std::vector<size_t> offsets;  // by part of the record
  size_t bytes = 0;

  explicit Layout(const Record& record);
};

// The host's side of an execution: its inputs until they are up, its outputs and the control once they are down.
struct Slot {
  Block memory;
  EventPointer done;
};

class Staging {
 public:
  // The records must outlive it.
  Staging(SharedDriver driver, const Record& inputs, const Record& outputs)
      : driver_(std::move(driver)),
        inputs_(inputs),
        outputs_(outputs),
        input_layout_(inputs),
        output_layout_(outputs) {}

  Status Make();
  size_t bytes() const { return 2 * slots_.size() * slot_bytes(); }
  // An input's or output's place on the device.
  std::byte* Locate(uint32_t buffer) const { return device_.data() + staged_.at(buffer); }

  // The next execution's slot, with an input record.
  const Slot& Fill(const std::byte* inputs);
  // Both are enqueued: a slot's inputs up; outputs and the control down into it.
  Status Send(const Slot& slot) const;
  Status Fetch(const Slot& slot, const Control* control) const;
  // What has come down.
  Control ControlIn(const Slot& slot) const;
  void Take(const Slot& slot, std::byte* outputs) const;

 private:
  size_t slot_bytes() const;
  Outcome Download(const Slot& slot, const Control* control, Message& message) const;

  SharedDriver driver_;
  const Record &inputs_, &outputs_;
  Layout input_layout_, output_layout_;
  Block device_;                       // inputs, then outputs
  std::map<uint32_t, size_t> staged_;  // where in it a buffer lies
  std::vector<Slot> slots_;
  size_t next_slot_ = 0;
};

}  // namespace nano::gpu
