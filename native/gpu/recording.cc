// Records a Program's calls on its first execution and replays them from then on.
#include <utility>

#include "gpu/calls.h"

namespace nano::gpu {

Calls::~Calls() { DropRecording(); }

std::optional<OpFailure> Calls::Replay() {
  if (recording_ == nullptr) {
    if (auto failure = Record()) return failure;
  }
  Status status = driver_->Ask([&](Message& message) { return module().replay(queue(), recording_, message); });
  if (!status.ok()) return OpFailure{std::move(status), {}, {}};
  return std::nullopt;
}

std::optional<OpFailure> Calls::Record() {
  Status status = driver_->Ask([&](Message& message) { return module().begin(queue(), message); });
  if (!status.ok()) return OpFailure{std::move(status), {}, {}};
  auto failure = Run(false);
  status = driver_->Ask([&](Message& message) { return module().end(queue(), recording_, message); });
  if (failure) DropRecording();  // it is incomplete: it ends before the failed op
  if (failure) return failure;
  if (!status.ok()) return OpFailure{std::move(status), {}, {}};
  return std::nullopt;
}

void Calls::DropRecording() {
  if (recording_ != nullptr) module().free_recording(std::exchange(recording_, nullptr));
}

}  // namespace nano::gpu
