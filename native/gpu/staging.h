// Transfers inputs to the device, and outputs and errors back to the host.
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

// Offsets of the buffers of one role in a block, each aligned to kAlignment.
struct Layout {
  std::vector<size_t> offsets;  // one per part of the record
  size_t bytes = 0;

  explicit Layout(const Record& record);
};

// Host memory of one execution: holds the inputs until they are uploaded, then receives the outputs
// and the control.
struct Slot {
  Block memory;
  EventPointer done;
};

class Staging {
 public:
  // The records must outlive this object.
  Staging(SharedDriver driver, const Record& inputs, const Record& outputs)
      : driver_(std::move(driver)),
        inputs_(inputs),
        outputs_(outputs),
        input_layout_(inputs),
        output_layout_(outputs) {}

  Status Make();
  size_t bytes() const { return 2 * slots_.size() * slot_bytes(); }
  // The device address of an input or output.
  std::byte* Locate(uint32_t buffer) const { return device_.data() + staged_.at(buffer); }

  // Returns the slot of the next execution, filled with an input record.
  const Slot& Fill(const std::byte* inputs);
  // Send() enqueues the upload of a slot's inputs. Fetch() enqueues the download of the outputs and
  // the control into the slot.
  Status Send(const Slot& slot) const;
  Status Fetch(const Slot& slot, const Control* control) const;
  // Read a slot after its download is complete.
  Control ControlIn(const Slot& slot) const;
  void Take(const Slot& slot, std::byte* outputs) const;

 private:
  size_t slot_bytes() const;
  Outcome Download(const Slot& slot, const Control* control, Message& message) const;

  SharedDriver driver_;
  const Record &inputs_, &outputs_;
  Layout input_layout_, output_layout_;
  Block device_;                       // inputs, then outputs
  std::map<uint32_t, size_t> staged_;  // offset of each buffer in device_
  std::vector<Slot> slots_;
  size_t next_slot_ = 0;
};

}  // namespace nano::gpu
