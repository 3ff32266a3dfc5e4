// The interface that a device implements. The session owns the loop over steps. A device owns its
// memory and executes one Program at a time. Only one thread at a time may use a Device and the
// objects it creates.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/check.h"
#include "engine/mapped_file.h"
#include "engine/program.h"
#include "engine/record.h"
#include "engine/status.h"

namespace nano {

// A block of a device's memory, aligned to at least 64 bytes, or to one element if it is mapped.
class Memory {
 public:
  explicit Memory(size_t bytes) : bytes_(bytes) {}
  virtual ~Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_;
};

// Why an execution of a Program failed.
struct OpFailure {
  Status status;
  std::optional<size_t> op;        // empty: the device itself failed
  std::optional<uint32_t> buffer;  // the buffer with the invalid contents
};

struct ExecutionOptions {
  bool check_finite;
  double* seconds;                     // null, or one number for each op, to which its time is added
  const std::function<bool()>& stops;  // a synchronous device asks before each op, and then fails with kCancelled
};

// A compiled Program, bound to its store tensors.
class Executable {
 public:
  virtual ~Executable() = default;

  const Program& program() const { return checked_.program; }
  const Record& inputs() const { return inputs_; }
  const Record& outputs() const { return outputs_; }

  // Called before every schedule. Plans the arena again if its layout depends on something that has
  // changed (the number of threads).
  virtual Status Prepare() = 0;
  // The size that the arena passed to Bind() must have, as of the last Prepare().
  virtual size_t arena_bytes() const = 0;
  // The size of the executable's own staging memory for inputs and outputs.
  virtual size_t staging_bytes() const = 0;
  // Sets the arena to use until the next call. Call it again before Run() if this arena has been
  // freed. The arena's contents are undefined between two executions.
  virtual Status Bind(Memory& arena) = 0;
  // Executes the Program on one input record and fills one output record, unless it fails.
  // Allocates nothing unless it fails. A device may execute asynchronously: Run() then only starts
  // the execution and Settle() reports its result, so both records must stay in place until then.
  virtual std::optional<OpFailure> Run(const std::byte* inputs, std::byte* outputs,
                                       const ExecutionOptions& options) = 0;

 protected:
  explicit Executable(CheckedProgram checked)
      : checked_(std::move(checked)),
        inputs_(RecordOf(checked_.program, Role::kInput)),
        outputs_(RecordOf(checked_.program, Role::kOutput)) {}
  const CheckedProgram& checked() const { return checked_; }

 private:
  CheckedProgram checked_;
  Record inputs_;
  Record outputs_;
};

// The maximum number of executions in flight, after which the host waits for the oldest. Enough to
// hide the host's own work.
constexpr size_t kMostUnderWay = 16;

// The results of executions that were in flight.
struct Settled {
  size_t count = 0;                  // successful executions, oldest first
  std::optional<OpFailure> failure;  // of the next one. Later executions have changed nothing.
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;
  // Waits until at most `left` of the `under_way` executions in flight remain. `under_way` counts
  // all executions that have started and not been settled. For a synchronous device, all of them
  // are already complete.
  virtual Settled Settle(size_t under_way, size_t left) {
    static_cast<void>(left);
    return {under_way, std::nullopt};
  }
  virtual Result<std::shared_ptr<Memory>> Allocate(size_t bytes) = 0;  // zero-filled
  // The bytes that all blocks take, including gaps between them. 0: no more than the blocks have.
  virtual size_t bytes() const { return 0; }
  // Copies to the bytes of a block from `at` on, which it has.
  virtual Status Upload(Memory& to, std::span<const std::byte> from, size_t at) = 0;
  // Copies a whole block: both sizes are equal.
  virtual Status Download(const Memory& from, std::span<std::byte> to) = 0;
  // A file as memory, which is only read. Null: this device can't use the host's memory.
  virtual std::shared_ptr<Memory> Map(std::shared_ptr<const MappedFile> file) {
    static_cast<void>(file);
    return nullptr;
  }
  // `store` has one entry for each buffer of the Program: the memory of its tensor, or null if the
  // buffer is not a store buffer.
  virtual Result<std::unique_ptr<Executable>> Compile(CheckedProgram program,
                                                      std::vector<std::shared_ptr<Memory>> store) = 0;
};

class SharedPool;

// Defined in the folders of the devices. The engine includes no header of theirs.
namespace cpu {
// Uses the kernels for `instruction_set`. If it is empty, uses the best set that this processor
// supports. `pool` must outlive the device.
Result<std::unique_ptr<Device>> Open(std::string_view instruction_set, SharedPool& pool);
}  // namespace cpu

// Whether a kind of device is available, and if not, why.
struct Availability {
  bool available = false;
  std::string reason;    // why it is unavailable, or the device's description
  bool present = false;  // the hardware or its driver exists, even if it is unusable
};

namespace cuda {
// Names the module to use. With an empty path there is none, for this reason; `is_there`: an NVIDIA
// driver or an unsuitable module exists. Has an effect only before the first call of the others.
// Without this call, the module is the file that NANO_GPT_CUDA_MODULE names, or stands beside this
// library.
void UseModule(std::string path, std::string reason, bool is_there);
Availability Probe();
Result<std::unique_ptr<Device>> Open(int ordinal);
}  // namespace cuda

namespace metal {
Availability Probe();
Result<std::unique_ptr<Device>> Open(int ordinal);
}  // namespace metal

// Opens "cpu", "cuda", "cuda:1" or "metal". `instruction_set` applies to the CPU; if it is empty,
// the best supported set is used.
Result<std::unique_ptr<Device>> OpenDevice(std::string_view name, std::string_view instruction_set, SharedPool& pool);

}  // namespace nano
