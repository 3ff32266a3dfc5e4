#include "engine/session.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

#include "engine/decode.h"
#include "engine/guard.h"
#include "engine/limits.h"

namespace nano {

// The state of a running schedule: its Programs are looked up and all its memory is allocated.
struct Session::Loop {
  struct Phase {
    Executable* executable;
    uint64_t times;
    const std::byte* inputs;
    std::byte* outputs;
    double* seconds;  // of each op, or null
    bool interruptible;
    uint64_t done = 0;  // executions
  };
  struct Execution {
    uint64_t step;
    size_t phase;
    bool ends_step;
  };
  const Schedule& schedule;
  RunReport& report;
  Device& device;
  std::vector<Phase> phases;
  std::deque<Execution> under_way;

  // Returns false if the run has failed.
  bool RunStep(uint64_t step) {
    for (size_t index = 0; index < phases.size(); ++index) {
      for (uint64_t time = 0; time < phases[index].times; ++time) {
        const bool last = index + 1 == phases.size() && time + 1 == phases[index].times;
        if (!RunOnce({step, index, last})) return false;
      }
    }
    return true;
  }

  bool RunOnce(const Execution& execution) {
    Phase& phase = phases[execution.phase];
    const auto stops = [&] {
      const Stop requested = schedule.requested();
      return requested == Stop::kAtOnce || (requested == Stop::kBeforeNextOp && phase.interruptible);
    };
    auto failure =
        stops() ? OpFailure{Status(Code::kCancelled, ""), {}, {}}
                : phase.executable->Run(phase.inputs, phase.outputs, {schedule.check_finite, phase.seconds, stops});
    if (failure) {
      if (Settle(0)) Report(*failure, execution);
      return false;
    }
    phase.inputs += phase.executable->inputs().bytes;
    phase.outputs += phase.executable->outputs().bytes;
    under_way.push_back(execution);
    return Settle(kMostUnderWay);
  }

  // Waits until at most `left` executions are in flight. Returns false if one of them has failed.
  bool Settle(size_t left) {
    const Settled settled = device.Settle(under_way.size(), left);
    for (size_t i = 0; i < settled.count; ++i) {
      ++phases[under_way.front().phase].done;
      report.completed += under_way.front().ends_step ? 1 : 0;
      under_way.pop_front();
    }
    if (!settled.failure) return true;
    Report(*settled.failure, under_way.front());
    under_way.clear();
    return false;
  }

  void Report(const OpFailure& failure, const Execution& execution) {
    if (failure.status.code() == Code::kCancelled) return ReportCancelled(execution.step);
    const Program& program = phases[execution.phase].executable->program();
    Failure& to = report.failure.emplace();
    to.code = failure.status.code();
    to.message = failure.status.message();
    to.step = execution.step;
    to.phase = execution.phase;
    to.op = failure.op;
    if (failure.op) to.op_name = program.ops[*failure.op].name;
    if (failure.buffer) to.buffer = program.buffers[*failure.buffer].name;
  }

  void ReportCancelled(uint64_t step) {
    Failure& to = report.failure.emplace();
    to.code = Code::kCancelled;
    to.message = "the run was cancelled before the end of step " + std::to_string(step);
    to.step = step;
  }
};

namespace {

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

// The bytes of `steps · times` records of `record` bytes. Fails if the total overflows or exceeds
// kMaxBufferBytes.
Result<uint64_t> RecordBytes(uint64_t steps, uint64_t times, size_t record) {
  const std::optional<uint64_t> records = Multiply(steps, times);
  const std::optional<uint64_t> bytes = records ? Multiply(*records, record) : std::nullopt;
  if (!bytes || *bytes > kMaxBufferBytes) return Status(Code::kOutOfMemory, "the run's records are too large");
  return *bytes;
}

std::string PhaseName(size_t index, const Program& program) {
  return "phase " + std::to_string(index) + " (\"" + program.name + "\")";
}

}  // namespace

Session::Session(std::unique_ptr<Device> device) : device_(std::move(device)), store_(*device_) {}
Session::~Session() = default;

Status Session::Allocate(std::string_view name, const TensorSpec& spec) {
  return Guarded([&] { return store_.Allocate(name, spec); });
}

Status Session::Write(std::string_view name, std::span<const std::byte> bytes) {
  return Guarded([&] { return store_.Write(name, bytes); });
}

Status Session::WritePart(std::string_view name, std::span<const std::byte> bytes, uint64_t at) {
  return Guarded([&] { return store_.WritePart(name, bytes, at); });
}

Status Session::Map(std::string_view name, const TensorSpec& spec, const std::string& path, uint64_t offset) {
  return Guarded([&] { return store_.Map(name, spec, path, offset); });
}

Result<Bytes> Session::Read(std::string_view name) {
  return Guarded([&] { return store_.Read(name); });
}

Status Session::Free(std::string_view name) {
  return Guarded([&] { return store_.Free(name); });
}

Result<int> Session::Compile(std::span<const std::byte> bytes) {
  return Guarded([&]() -> Result<int> {
    Result<Program> decoded = DecodeProgram(bytes);
    if (!decoded.ok()) return decoded.status();
    Result<CheckedProgram> checked = Check(std::move(decoded.value()));
    if (!checked.ok()) return checked.status();
    Result<std::vector<std::shared_ptr<nano::Memory>>> bound = store_.Bind(checked.value().program);
    if (!bound.ok()) return bound.status();
    // From here on, a failure must unbind the tensors. The executable takes ownership of the
    // Program, so keep a copy.
    const Program program = checked.value().program;
    Status status = Guarded([&]() -> Status {
      auto executable = device_->Compile(std::move(checked.value()), std::move(bound.value()));
      if (!executable.ok()) return executable.status();
      NANO_RETURN_IF_ERROR(executable.value()->Prepare());
      programs_.emplace(next_handle_, std::move(executable.value()));
      Status fits = FitArena();
      if (!fits.ok()) programs_.erase(next_handle_);
      return fits;
    });
    if (!status.ok()) {
      store_.Unbind(program);
      return status;
    }
    return next_handle_++;
  });
}

Status Session::Release(int handle) {
  return Guarded([&]() -> Status {
    const Result<Executable*> executable = Find(handle);
    if (!executable.ok()) return executable.status();
    store_.Unbind(executable.value()->program());
    programs_.erase(handle);
    arena_.reset();  // the next run allocates one of the right size
    return Status::Ok();
  });
}

Result<RunReport> Session::Run(const Schedule& schedule) {
  return Guarded([&]() -> Result<RunReport> {
    if (schedule.steps < 1) return Invalid("a run of 0 steps; there must be at least 1");
    if (schedule.phases.empty()) return Invalid("a run without phases; there must be at least 1");
    RunReport report;
    Loop loop{schedule, report, *device_, {}, {}};
    for (size_t index = 0; index < schedule.phases.size(); ++index) {
      const Schedule::Phase& phase = schedule.phases[index];
      const Result<Executable*> found = Find(phase.program);
      if (!found.ok()) return found.status();
      Executable* executable = found.value();
      const std::string name = PhaseName(index, executable->program());
      if (phase.times < 1) return Invalid(name + " runs 0 times; it must run at least once");
      const Result<uint64_t> inputs = RecordBytes(schedule.steps, phase.times, executable->inputs().bytes);
      if (!inputs.ok()) return inputs.status();
      if (phase.inputs.size() != inputs.value()) {
        return Invalid(name + " has " + std::to_string(phase.inputs.size()) + " bytes of inputs; " +
                       std::to_string(schedule.steps) + " steps × " + std::to_string(phase.times) + " times × " +
                       std::to_string(executable->inputs().bytes) + " bytes are " + std::to_string(inputs.value()));
      }
      const Result<uint64_t> outputs = RecordBytes(schedule.steps, phase.times, executable->outputs().bytes);
      if (!outputs.ok()) return outputs.status();
      report.outputs.emplace_back(static_cast<size_t>(outputs.value()));
      NANO_RETURN_IF_ERROR(executable->Prepare());
      if (schedule.timings) report.timings.emplace_back(executable->program().ops.size(), 0.0);
      double* const seconds = schedule.timings ? report.timings.back().data() : nullptr;
      loop.phases.push_back(
          {executable, phase.times, phase.inputs.data(), report.outputs.back().data(), seconds, phase.interruptible});
    }
    NANO_RETURN_IF_ERROR(store_.CheckFiles());
    NANO_RETURN_IF_ERROR(FitArena());
    for (const Loop::Phase& phase : loop.phases) NANO_RETURN_IF_ERROR(phase.executable->Bind(*arena_));
    NANO_RETURN_IF_ERROR(RunSteps(loop));
    return report;
  });
}

Status Session::RunSteps(Loop& loop) {
  const auto start = std::chrono::steady_clock::now();
  RunReport& report = loop.report;
  uint64_t step = 0;
  while (step < loop.schedule.steps && loop.schedule.requested() == Stop::kNone && loop.RunStep(step)) ++step;
  if (!report.failure && loop.Settle(0) && step < loop.schedule.steps) loop.ReportCancelled(step);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (size_t index = 0; index < loop.phases.size(); ++index) {
    const Loop::Phase& phase = loop.phases[index];
    report.outputs[index].Shorten(static_cast<size_t>(phase.done) * phase.executable->outputs().bytes);
  }
  return Status::Ok();
}

Result<MemoryReport> Session::Memory() {
  return Guarded([&]() -> Result<MemoryReport> {
    MemoryReport report;
    report.store = store_.bytes();
    report.arena = arena_ == nullptr ? 0 : arena_->bytes();
    for (const auto& [handle, executable] : programs_) {
      report.programs.push_back({handle, executable->arena_bytes(), executable->staging_bytes()});
    }
    return report;
  });
}

size_t Session::bytes() const {
  size_t staging = 0;
  for (const auto& [handle, executable] : programs_) staging += executable->staging_bytes();
  return staging + std::max(device_->bytes(), store_.bytes() + (arena_ == nullptr ? 0 : arena_->bytes()));
}

Result<Executable*> Session::Find(int handle) {
  const auto it = programs_.find(handle);
  if (it == programs_.end()) return Invalid("there is no compiled program with handle " + std::to_string(handle));
  return it->second.get();
}

// Resizes the arena to what the largest Program needs. The arena's contents don't outlive a run, so
// the old one is freed first. After a failure there is no arena, and the next run tries again.
Status Session::FitArena() {
  size_t wanted = 0;
  for (const auto& [handle, executable] : programs_) wanted = std::max(wanted, executable->arena_bytes());
  if (arena_ != nullptr && arena_->bytes() == wanted) return Status::Ok();
  arena_.reset();
  Result<std::shared_ptr<nano::Memory>> arena = device_->Allocate(wanted);
  if (!arena.ok()) {
    return {arena.status().code(), "the arena for temporaries: " + arena.status().message()};
  }
  arena_ = std::move(arena.value());
  return Status::Ok();
}

}  // namespace nano
