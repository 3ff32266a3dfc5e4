// Transfers records between the host and the device.
#include "gpu/staging.h"

#include <cstring>

#include "engine/plan.h"

namespace nano::gpu {
namespace {

size_t Aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

Layout::Layout(const Record& record) {
  for (const Record::Part& part : record.parts) {
    offsets.push_back(bytes);
    bytes += Aligned(part.bytes);
  }
}

size_t Staging::slot_bytes() const { return input_layout_.bytes + output_layout_.bytes + Aligned(sizeof(Control)); }

Status Staging::Make() {
  Result<Block> device = Block::OnDevice(driver_, input_layout_.bytes + output_layout_.bytes);
  if (!device.ok()) return device.status();
  device_ = std::move(device.value());
  for (size_t i = 0; i <= kMostUnderWay; ++i) {
    Result<Block> memory = Block::OnHost(driver_, slot_bytes());
    if (!memory.ok()) return memory.status();
    slots_.push_back({std::move(memory.value()), EventPointer(driver_)});
    NANO_RETURN_IF_ERROR(slots_.back().done.Make());
  }
  for (size_t i = 0; i < inputs_.parts.size(); ++i) staged_[inputs_.parts[i].buffer] = input_layout_.offsets[i];
  for (size_t i = 0; i < outputs_.parts.size(); ++i) {
    staged_[outputs_.parts[i].buffer] = input_layout_.bytes + output_layout_.offsets[i];
  }
  return Status::Ok();
}

const Slot& Staging::Fill(const std::byte* inputs) {
  const Slot& slot = slots_[next_slot_];
  next_slot_ = (next_slot_ + 1) % slots_.size();
  for (size_t i = 0; i < inputs_.parts.size(); ++i) {
    const Record::Part& part = inputs_.parts[i];
    std::memcpy(slot.memory.data() + input_layout_.offsets[i], inputs + part.offset, part.bytes);
  }
  return slot;
}

Status Staging::Send(const Slot& slot) const {
  if (input_layout_.bytes > 0) {
    return driver_->Ask([&](Message& message) {
      return driver_->module().upload(driver_->queue(), device_.data(), slot.memory.data(), input_layout_.bytes,
                                      message);
    });
  }
  return Status::Ok();
}

Status Staging::Fetch(const Slot& slot, const Control* control) const {
  return driver_->Ask([&](Message& message) { return Download(slot, control, message); });
}

Outcome Staging::Download(const Slot& slot, const Control* control, Message& message) const {
  const Module& module = driver_->module();
  std::byte* const to = slot.memory.data() + input_layout_.bytes;
  if (output_layout_.bytes > 0) {
    const Outcome outcome =
        module.download(driver_->queue(), to, device_.data() + input_layout_.bytes, output_layout_.bytes, message);
    if (outcome != Outcome::kOk) return outcome;
  }
  return module.download(driver_->queue(), to + output_layout_.bytes, control, sizeof(Control), message);
}

Control Staging::ControlIn(const Slot& slot) const {
  Control control;
  std::memcpy(&control, slot.memory.data() + input_layout_.bytes + output_layout_.bytes, sizeof(control));
  return control;
}

void Staging::Take(const Slot& slot, std::byte* outputs) const {
  std::memset(outputs, 0, outputs_.bytes);
  for (size_t i = 0; i < outputs_.parts.size(); ++i) {
    const Record::Part& part = outputs_.parts[i];
    std::memcpy(outputs + part.offset, slot.memory.data() + input_layout_.bytes + output_layout_.offsets[i],
                part.bytes);
  }
}

}  // namespace nano::gpu
