// Measures the time of each op of a Program.
#include <utility>

#include "gpu/calls.h"

namespace nano::gpu {

std::optional<OpFailure> Calls::RunTimed(bool check_finite, double* seconds) {
  while (events_.size() <= calls_.size()) {
    EventPointer event(driver_);
    if (Status status = event.Make(true); !status.ok()) return OpFailure{std::move(status), {}, {}};
    events_.push_back(std::move(event));
  }
  if (auto failure = RunMarked(check_finite, events_.data())) return failure;
  Status status = events_[calls_.size()].Mark();
  if (status.ok()) status = events_[calls_.size()].Wait();
  for (size_t op = 0; status.ok() && op < calls_.size(); ++op) {
    const Result<double> took = events_[op].SecondsTo(events_[op + 1]);
    status = took.status();
    if (took.ok()) seconds[op] += took.value();
  }
  if (!status.ok()) return OpFailure{std::move(status), {}, {}};
  return std::nullopt;
}

}  // namespace nano::gpu
