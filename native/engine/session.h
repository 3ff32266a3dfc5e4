// A device with a Store, compiled Programs and one arena that the Programs share. Only one thread
// at a time may use a session. No method throws, and every method is safe with any argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backend.h"
#include "engine/bytes.h"
#include "engine/status.h"
#include "engine/store.h"

namespace nano {

// How soon a run must stop.
enum class Stop {
  kNone,
  kBeforeNextStep,
  kBeforeNextOp,  // of an interruptible phase; other phases are completed
  kAtOnce         // before the next op of any phase: the Store is not used again
};

// Runs the phases in order, `steps` times. In each step a phase runs its Program `times` times,
// each time with the next record of `inputs`.
struct Schedule {
  struct Phase {
    int program = 0;  // a handle from Compile()
    uint64_t times = 0;
    std::span<const std::byte> inputs;
    // Whether an execution may be abandoned between two ops. Tensors that it writes to the Store are
    // then incomplete.
    bool interruptible = false;
  };
  uint64_t steps = 0;
  std::vector<Phase> phases;
  bool check_finite = false;
  bool timings = false;
  std::function<Stop()> requested = [] { return Stop::kNone; };
};

// Where and why a run ended early. If the run was cancelled, `step` is the step that didn't start
// and there is no op.
struct Failure {
  Code code = Code::kInternal;
  std::string message;
  uint64_t step = 0;
  size_t phase = 0;
  std::optional<size_t> op;
  std::string op_name;
  std::optional<std::string> buffer;
};

struct RunReport {
  uint64_t completed = 0;      // complete steps
  std::vector<Bytes> outputs;  // for each phase, all complete records, even of an incomplete step
  double seconds = 0;
  // With Schedule::timings: for each phase, the seconds of each op, summed over its executions.
  // Otherwise empty.
  std::vector<std::vector<double>> timings;
  std::optional<Failure> failure;
};

struct MemoryReport {
  struct OfProgram {
    int handle;
    size_t arena;    // bytes of the shared arena that it needs
    size_t staging;  // bytes of its staging memory for inputs and outputs
  };
  size_t store = 0;
  size_t arena = 0;
  std::vector<OfProgram> programs;
};

class Session {
 public:
  explicit Session(std::unique_ptr<Device> device);
  ~Session();

  Status Allocate(std::string_view name, const TensorSpec& spec);
  Status Write(std::string_view name, std::span<const std::byte> bytes);
  Status WritePart(std::string_view name, std::span<const std::byte> bytes, uint64_t at);
  // A tensor with the contents of a file, from byte `offset` on. It can't be written.
  Status Map(std::string_view name, const TensorSpec& spec, const std::string& path, uint64_t offset);
  Result<Bytes> Read(std::string_view name);
  Status Free(std::string_view name);

  // Returns a handle, which is positive and never reused. All tensors that the Program names must
  // be allocated.
  Result<int> Compile(std::span<const std::byte> program);
  Status Release(int handle);

  // An invalid request gives a Status. A failure after the run has started is in the report.
  Result<RunReport> Run(const Schedule& schedule);

  Result<MemoryReport> Memory();
  // All memory that it holds, in bytes: of the Store, the arena and the Programs' staging.
  size_t bytes() const;

 private:
  struct Loop;
  Status RunSteps(Loop& loop);
  Result<Executable*> Find(int handle);
  Status FitArena();

  std::unique_ptr<Device> device_;
  Store store_;
  std::shared_ptr<nano::Memory> arena_;
  std::map<int, std::unique_ptr<Executable>> programs_;
  int next_handle_ = 1;
};

}  // namespace nano
