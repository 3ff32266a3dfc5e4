// What a device implements. The session owns the loop over steps; a device owns its memory and the execution of one
// Program. A Device and all that it makes are used by one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/check.h"
#include "engine/program.h"
#include "engine/record.h"
#include "engine/status.h"

namespace nano {

// A block of a device's memory, aligned to at least 64 bytes.
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

// Why one execution of a Program ended early.
struct OpFailure {
  Status status;
  std::optional<size_t> op;        // none: the device itself failed
  std::optional<uint32_t> buffer;  // the one whose contents are to blame
};

// A compiled Program, bound to its store tensors.
class Executable {
 public:
  virtual ~Executable() = default;

  const Program& program() const { return checked_.program; }
  const Record& inputs() const { return inputs_; }
  const Record& outputs() const { return outputs_; }

  // Called before every schedule: lays the arena out anew if what it depends on (the number of threads) has changed.
  virtual Status Prepare() = 0;
  // Bytes that the arena given to Bind() must have, as of the last Prepare().
  virtual size_t arena_bytes() const = 0;
  // Bytes of its own: where inputs and outputs are staged.
  virtual size_t staging_bytes() const = 0;
  // The arena to use until the next call, which must come before a Run() once this arena is gone. Its contents mean
  // nothing between two executions.
  virtual Status Bind(Memory& arena) = 0;
  // One execution on one input record; fills one output record unless it fails. Adds to `seconds`, which holds one
  // number for each op, how long each op took; null: nothing is timed. Allocates nothing unless it fails. A device may
  // only begin it here, and the rest comes with its Settle(): the records must stay where they are until then.
  virtual std::optional<OpFailure> Run(const std::byte* inputs, std::byte* outputs, bool check_finite,
                                       double* seconds) = 0;

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

// Executions that may be under way before the oldest must be over: enough to hide what the host does meanwhile.
constexpr size_t kMostUnderWay = 16;

// What became of executions that were under way.
struct Settled {
  size_t count = 0;                  // that went well, the oldest first
  std::optional<OpFailure> failure;  // of the one after them. Those that began later have changed nothing.
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;
  // Waits until at most `left` of the `under_way` executions, all that have begun and not settled, are so. For a device
  // that does everything in Run() they are over.
  virtual Settled Settle(size_t under_way, size_t left) {
    static_cast<void>(left);
    return {under_way, std::nullopt};
  }
  virtual Result<std::shared_ptr<Memory>> Allocate(size_t bytes) = 0;  // zero-filled
  // Whole blocks only: the sizes are equal.
  virtual Status Upload(Memory& to, std::span<const std::byte> from) = 0;
  virtual Status Download(const Memory& from, std::span<std::byte> to) = 0;
  // `store` holds for each buffer of the Program its tensor's memory, or null if the buffer's role is another.
  virtual Result<std::unique_ptr<Executable>> Compile(CheckedProgram program,
                                                      std::vector<std::shared_ptr<Memory>> store) = 0;
};

class SharedPool;

// What the folders of devices define; the engine includes none of them.
namespace cpu {
// With the kernels for `instruction_set`, or the best that this processor runs if it is empty. `pool` must outlive the
// device.
Result<std::unique_ptr<Device>> Open(std::string_view instruction_set, SharedPool& pool);
}  // namespace cpu

// Whether a kind of device can be had, and if not, why not.
struct Availability {
  bool available = false;
  std::string reason;    // or what it is
  bool present = false;  // there is one, or what should drive one, and be it of no use
};

namespace cuda {
Availability Probe();
Result<std::unique_ptr<Device>> Open(int ordinal);
}  // namespace cuda

namespace metal {
Availability Probe();
Result<std::unique_ptr<Device>> Open(int ordinal);
}  // namespace metal

// The device called "cpu", "cuda", "cuda:1" or "metal". `instruction_set` is for the CPU; empty is the best there is.
Result<std::unique_ptr<Device>> OpenDevice(std::string_view name, std::string_view instruction_set, SharedPool& pool);

}  // namespace nano
