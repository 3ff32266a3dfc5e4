// Walks Programs on a GPU. An execution is enqueued as a whole: its input record goes up, its ops run (recorded once,
// replayed from then on), its output record and the control come down. The host waits for none of it until Settle().
#include "gpu/backend.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "engine/plan.h"
#include "engine/sanitizer.h"
#include "ops/explain.h"

namespace nano::gpu {
namespace {

size_t Aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

Status ToStatus(Outcome outcome, const Message& message) {
  switch (outcome) {
    case Outcome::kOk:
      return Status::Ok();
    case Outcome::kOutOfMemory:
      return {Code::kOutOfMemory, message.text};
    case Outcome::kUnsupported:
      return {Code::kUnsupported, message.text};
    case Outcome::kLost:
      return {Code::kDeviceLost, message.text};
  }
  return {Code::kInternal, message.text};
}

// A module's calls on one queue, with a Status for an answer.
class Driver {
 public:
  explicit Driver(const Module& module) : module_(module) {}
  ~Driver() {
    if (queue_ != nullptr) module_.close(queue_);
  }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  Status Open(int ordinal) {
    return Ask([&](Message& message) { return module_.open(ordinal, queue_, message); });
  }
  // ask(message) is a call of the module.
  template <class Call>
  Status Ask(Call&& ask) const {
    Message message;
    return ToStatus(ask(message), message);
  }
  // Whether the host may touch the device's memory, after a Finish().
  bool SharesMemory() const { return module_.finish != nullptr; }
  Status Finish() const {
    return Ask([&](Message& message) { return module_.finish(queue_, message); });
  }
  Status Zero(void* to, size_t bytes) const {
    if (!SharesMemory()) {
      return Ask([&](Message& message) { return module_.zero(queue_, to, bytes, message); });
    }
    NANO_RETURN_IF_ERROR(Finish());
    std::memset(to, 0, bytes);
    return Status::Ok();
  }
  const Module& module() const { return module_; }
  Queue* queue() const { return queue_; }

 private:
  const Module& module_;
  Queue* queue_ = nullptr;
};

using SharedDriver = std::shared_ptr<const Driver>;

class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept { *this = std::move(other); }
  Block& operator=(Block&& other) noexcept {
    std::swap(driver_, other.driver_);
    std::swap(data_, other.data_);
    std::swap(on_host_, other.on_host_);
    return *this;
  }
  ~Block() {
    if (data_ == nullptr) return;
    (on_host_ ? driver_->module().free_host : driver_->module().free)(driver_->queue(), data_);
  }

  static Result<Block> OnDevice(const SharedDriver& driver, size_t bytes) { return Make(driver, bytes, false); }
  static Result<Block> OnHost(const SharedDriver& driver, size_t bytes) { return Make(driver, bytes, true); }
  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  static Result<Block> Make(const SharedDriver& driver, size_t bytes, bool on_host) {
    Block block;
    if (bytes == 0) return block;
    block.driver_ = driver;
    block.on_host_ = on_host;
    const auto allocate = on_host ? driver->module().allocate_host : driver->module().allocate;
    NANO_RETURN_IF_ERROR(
        driver->Ask([&](Message& message) { return allocate(driver->queue(), bytes, block.data_, message); }));
    return block;
  }

  SharedDriver driver_;
  void* data_ = nullptr;
  bool on_host_ = false;
};

class GpuMemory final : public Memory {
 public:
  GpuMemory(Block block, size_t bytes) : Memory(bytes), block_(std::move(block)) {}
  std::byte* data() const { return block_.data(); }

 private:
  Block block_;
};

std::byte* DataOf(const Memory& memory) { return static_cast<const GpuMemory&>(memory).data(); }

class EventPointer {
 public:
  explicit EventPointer(SharedDriver driver) : driver_(std::move(driver)) {}
  EventPointer(EventPointer&& other) noexcept : driver_(other.driver_), event_(std::exchange(other.event_, nullptr)) {}
  EventPointer& operator=(EventPointer&&) = delete;
  ~EventPointer() {
    if (event_ != nullptr) driver_->module().free_event(event_);
  }
  Status Make(bool timed = false) {
    return driver_->Ask(
        [&](Message& message) { return driver_->module().make_event(driver_->queue(), timed, event_, message); });
  }
  Status Mark() const {
    return driver_->Ask([&](Message& message) { return driver_->module().mark(driver_->queue(), event_, message); });
  }
  Status Wait() const {
    return driver_->Ask([&](Message& message) { return driver_->module().wait(event_, message); });
  }
  Result<double> SecondsTo(const EventPointer& later) const {
    double seconds = 0;
    NANO_RETURN_IF_ERROR(driver_->Ask(
        [&](Message& message) { return driver_->module().seconds(event_, later.event_, seconds, message); }));
    return seconds;
  }

 private:
  SharedDriver driver_;
  Event* event_ = nullptr;
};

// Where the buffers of one role lie in a block, each aligned.
struct Layout {
  std::vector<size_t> offsets;  // by part of the record
  size_t bytes = 0;

  explicit Layout(const Record& record) {
    for (const Record::Part& part : record.parts) {
      offsets.push_back(bytes);
      bytes += Aligned(part.bytes);
    }
  }
};

// The host's side of an execution: its inputs until they are up, its outputs and the control once they are down.
struct Slot {
  Block memory;
  EventPointer done;
};

// What a queue has to do with all its Programs.
struct Shared {
  SharedDriver driver;
  Block control;       // a Control
  bool stale = false;  // it may hold a complaint about what is over
  struct Pending {
    class GpuExecutable* executable;
    const Slot* slot;
    std::byte* outputs;
  };
  std::deque<Pending> under_way;

  // Kernels work again, once all that is enqueued is over.
  Status ClearControl() {
    const Status status = driver->Zero(control.data(), sizeof(Control));
    stale = !status.ok();
    return status;
  }
};

class GpuExecutable final : public Executable {
 public:
  GpuExecutable(CheckedProgram checked, std::vector<std::shared_ptr<Memory>> store, Shared& shared)
      : Executable(std::move(checked)),
        shared_(shared),
        store_(std::move(store)),
        input_layout_(inputs()),
        output_layout_(outputs()) {}

  ~GpuExecutable() override { DropRecording(); }

  Status Compile() {
    NANO_RETURN_IF_ERROR(FindKernels());
    NANO_RETURN_IF_ERROR(CheckSizes());
    NANO_RETURN_IF_ERROR(Stage());
    NANO_RETURN_IF_ERROR(PlanMemory());
    MakeCalls();
    return Status::Ok();
  }

  Status Prepare() override { return Status::Ok(); }
  size_t arena_bytes() const override { return plan_.bytes; }
  size_t staging_bytes() const override { return 2 * slots_.size() * slot_bytes(); }

  Status Bind(Memory& arena) override {
    std::byte* base = DataOf(arena);
    if (bound_ && base == bound_to_) return Status::Ok();
    DropRecording();
    bound_ = true;
    bound_to_ = base;
    size_t next = 0;
    for (size_t op = 0; op < calls_.size(); ++op) {
      for (const uint32_t buffer : program().ops[op].inputs) tensors_[next++].data = Locate(buffer, base);
      for (const uint32_t buffer : program().ops[op].outputs) tensors_[next++].data = Locate(buffer, base);
      calls_[op].scratch = kSanitizing ? separate_scratch_[op].data() : base;
    }
    return Status::Ok();
  }

  std::optional<OpFailure> Run(const std::byte* inputs, std::byte* outputs, bool check_finite,
                               double* seconds) override {
    if (shared_.stale) {
      if (Status status = shared_.ClearControl(); !status.ok()) return OpFailure{std::move(status), {}, {}};
    }
    Slot& slot = slots_[next_slot_];
    next_slot_ = (next_slot_ + 1) % slots_.size();
    for (size_t i = 0; i < this->inputs().parts.size(); ++i) {
      const Record::Part& part = this->inputs().parts[i];
      std::memcpy(slot.memory.data() + input_layout_.offsets[i], inputs + part.offset, part.bytes);
    }
    if (auto failure = Enqueue(slot, check_finite, seconds)) {
      shared_.stale = true;  // part of it runs, and nobody will ask what it complains of
      return failure;
    }
    shared_.under_way.push_back({this, &slot, outputs});
    return std::nullopt;
  }

  // Waits for the execution in `slot` and takes its output record from there.
  std::optional<OpFailure> Finish(const Slot& slot, std::byte* outputs) const {
    if (Status status = slot.done.Wait(); !status.ok()) return OpFailure{std::move(status), {}, {}};
    Control control;
    std::memcpy(&control, slot.memory.data() + input_layout_.bytes + output_layout_.bytes, sizeof(control));
    if (control.failed != 0) {
      return Explain(program(), std::min<size_t>(control.op, program().ops.size() - 1), control.complaint);
    }
    std::memset(outputs, 0, this->outputs().bytes);
    for (size_t i = 0; i < this->outputs().parts.size(); ++i) {
      const Record::Part& part = this->outputs().parts[i];
      std::memcpy(outputs + part.offset, slot.memory.data() + input_layout_.bytes + output_layout_.offsets[i],
                  part.bytes);
    }
    return std::nullopt;
  }

 private:
  const Driver& driver() const { return *shared_.driver; }
  const Module& module() const { return driver().module(); }
  Queue* queue() const { return driver().queue(); }
  size_t slot_bytes() const { return input_layout_.bytes + output_layout_.bytes + Aligned(sizeof(Control)); }

  Status FindKernels() {
    for (size_t op = 0; op < program().ops.size(); ++op) {
      const Kernel* const end = module().kernels + module().kernel_count;
      const Kernel* kernel =
          std::find_if(module().kernels, end, [&](const Kernel& it) { return program().ops[op].name == it.name; });
      if (kernel == end) return {Code::kUnsupported, OpName(program(), op) + ": the GPU has no kernel for it"};
      kernels_.push_back(kernel);
    }
    return Status::Ok();
  }

  Status CheckSizes() const {
    for (const Buffer& buffer : program().buffers) {
      if (buffer.spec.elements() <= module().most_elements) continue;
      return {Code::kUnsupported, "tensor \"" + buffer.name + "\" has " + std::to_string(buffer.spec.elements()) +
                                      " elements; on this GPU at most " + std::to_string(module().most_elements) +
                                      " can be had. A smaller `batchSize` (with more `microBatches`) needs fewer"};
    }
    return Status::Ok();
  }

  Status Stage() {
    Result<Block> staging = Block::OnDevice(shared_.driver, input_layout_.bytes + output_layout_.bytes);
    if (!staging.ok()) return staging.status();
    staging_ = std::move(staging.value());
    for (size_t i = 0; i <= kMostUnderWay; ++i) {
      Result<Block> memory = Block::OnHost(shared_.driver, slot_bytes());
      if (!memory.ok()) return memory.status();
      slots_.push_back({std::move(memory.value()), EventPointer(shared_.driver)});
      NANO_RETURN_IF_ERROR(slots_.back().done.Make());
    }
    for (size_t i = 0; i < inputs().parts.size(); ++i) staged_[inputs().parts[i].buffer] = input_layout_.offsets[i];
    for (size_t i = 0; i < outputs().parts.size(); ++i) {
      staged_[outputs().parts[i].buffer] = input_layout_.bytes + output_layout_.offsets[i];
    }
    return Status::Ok();
  }

  Status PlanMemory() {
    std::vector<size_t> scratch(program().ops.size(), 0);
    for (size_t op = 0; op < scratch.size(); ++op) {
      if (kernels_[op]->scratch == nullptr) continue;
      const OpSpecs specs(program(), program().ops[op]);
      scratch[op] = kernels_[op]->scratch(specs.view(), checked().params[op]);
    }
    const size_t most = scratch.empty() ? 0 : *std::max_element(scratch.begin(), scratch.end());
    Result<Plan> plan = PlanArena(program(), most);
    if (!plan.ok()) return plan.status();
    plan_ = std::move(plan.value());
    return kSanitizing ? MakeSeparate(scratch) : Status::Ok();
  }

  // Under a sanitizer each temporary and each scratch is a block of its own, whose end it can see.
  Status MakeSeparate(const std::vector<size_t>& scratch) {
    const auto make = [&](size_t bytes, Block& to) -> Status {
      Result<Block> block = Block::OnDevice(shared_.driver, bytes);
      if (!block.ok()) return block.status();
      to = std::move(block.value());
      return Status::Ok();
    };
    separate_.resize(program().buffers.size());
    separate_scratch_.resize(scratch.size());
    for (size_t index = 0; index < separate_.size(); ++index) {
      const Buffer& buffer = program().buffers[index];
      if (buffer.role == Role::kTemporary) NANO_RETURN_IF_ERROR(make(buffer.spec.bytes(), separate_[index]));
    }
    for (size_t op = 0; op < scratch.size(); ++op) NANO_RETURN_IF_ERROR(make(scratch[op], separate_scratch_[op]));
    return Status::Ok();
  }

  // The calls, complete but for their pointers to data.
  void MakeCalls() {
    size_t operands = 0;
    for (const Op& op : program().ops) operands += op.inputs.size() + op.outputs.size();
    tensors_.reserve(operands);  // never grows: the calls point into it
    for (size_t index = 0; index < program().ops.size(); ++index) {
      const Op& op = program().ops[index];
      const Tensor* inputs = AddTensors(op.inputs);
      const Tensor* outputs = AddTensors(op.outputs);
      calls_.push_back({inputs, outputs, op.inputs.size(), op.outputs.size(), &checked().params[index],
                        program().precision, nullptr, reinterpret_cast<Control*>(shared_.control.data()),
                        static_cast<uint32_t>(index), queue()});
    }
  }

  const Tensor* AddTensors(const std::vector<uint32_t>& buffers) {
    const size_t first = tensors_.size();
    for (const uint32_t buffer : buffers) tensors_.push_back({nullptr, &program().buffers[buffer].spec});
    return tensors_.data() + first;
  }

  std::byte* Locate(uint32_t index, std::byte* arena) const {
    const Role role = program().buffers[index].role;
    if (role == Role::kStore) return DataOf(*store_[index]);
    if (role != Role::kTemporary) return staging_.data() + staged_.at(index);
    return kSanitizing ? separate_[index].data() : arena + plan_.buffers[index];
  }

  std::optional<OpFailure> Enqueue(const Slot& slot, bool check_finite, double* seconds) {
    const auto lost = [](Status status) { return OpFailure{std::move(status), {}, {}}; };
    if (input_layout_.bytes > 0) {
      Status status = driver().Ask([&](Message& message) {
        return module().upload(queue(), staging_.data(), slot.memory.data(), input_layout_.bytes, message);
      });
      if (!status.ok()) return lost(std::move(status));
    }
    if (seconds != nullptr) {
      if (auto failure = RunTimed(check_finite, seconds)) return failure;
    } else if (check_finite) {
      if (auto failure = RunOps(true, [](size_t) { return Status::Ok(); })) return failure;
    } else if (auto failure = Replay()) {
      return failure;
    }
    Status status = driver().Ask([&](Message& message) { return Fetch(slot, message); });
    if (status.ok()) status = slot.done.Mark();
    if (!status.ok()) return lost(std::move(status));
    return std::nullopt;
  }

  Outcome Fetch(const Slot& slot, Message& message) const {
    std::byte* const to = slot.memory.data() + input_layout_.bytes;
    if (output_layout_.bytes > 0) {
      const Outcome outcome =
          module().download(queue(), to, staging_.data() + input_layout_.bytes, output_layout_.bytes, message);
      if (outcome != Outcome::kOk) return outcome;
    }
    return module().download(queue(), to + output_layout_.bytes, shared_.control.data(), sizeof(Control), message);
  }

  // Enqueues the ops, each after `before(op)`.
  template <class Before>
  std::optional<OpFailure> RunOps(bool check_finite, Before&& before) {
    for (size_t op = 0; op < calls_.size(); ++op) {
      Status status = before(op);
      if (status.ok()) {
        status = driver().Ask([&](Message& message) { return kernels_[op]->run(calls_[op], message); });
      }
      for (size_t output = 0; status.ok() && check_finite && output < calls_[op].output_count; ++output) {
        status = driver().Ask([&](Message& message) { return module().check_finite(calls_[op], output, message); });
      }
      if (!status.ok()) return OpFailure{std::move(status), op, {}};
    }
    return std::nullopt;
  }

  std::optional<OpFailure> Replay() {
    if (recording_ == nullptr) {
      if (auto failure = Record()) return failure;
    }
    Status status = driver().Ask([&](Message& message) { return module().replay(queue(), recording_, message); });
    if (!status.ok()) return OpFailure{std::move(status), {}, {}};
    return std::nullopt;
  }

  std::optional<OpFailure> Record() {
    Status status = driver().Ask([&](Message& message) { return module().begin(queue(), message); });
    if (!status.ok()) return OpFailure{std::move(status), {}, {}};
    auto failure = RunOps(false, [](size_t) { return Status::Ok(); });
    status = driver().Ask([&](Message& message) { return module().end(queue(), recording_, message); });
    if (failure) DropRecording();  // it ends before the op that failed
    if (failure) return failure;
    if (!status.ok()) return OpFailure{std::move(status), {}, {}};
    return std::nullopt;
  }

  // Waits, so that the events are free for the next execution.
  std::optional<OpFailure> RunTimed(bool check_finite, double* seconds) {
    while (events_.size() <= calls_.size()) {
      EventPointer event(shared_.driver);
      if (Status status = event.Make(true); !status.ok()) return OpFailure{std::move(status), {}, {}};
      events_.push_back(std::move(event));
    }
    if (auto failure = RunOps(check_finite, [&](size_t op) { return events_[op].Mark(); })) return failure;
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

  void DropRecording() {
    if (recording_ != nullptr) module().free_recording(std::exchange(recording_, nullptr));
  }

  Shared& shared_;
  std::vector<std::shared_ptr<Memory>> store_;
  Layout input_layout_, output_layout_;
  std::vector<const Kernel*> kernels_;
  Block staging_;                      // on the device: inputs, then outputs
  std::map<uint32_t, size_t> staged_;  // where in it a buffer lies
  std::vector<Slot> slots_;
  size_t next_slot_ = 0;
  std::vector<Tensor> tensors_;  // all ops' inputs and outputs, in op order
  std::vector<Call> calls_;
  Plan plan_;
  std::vector<Block> separate_, separate_scratch_;
  bool bound_ = false;
  std::byte* bound_to_ = nullptr;
  Recording* recording_ = nullptr;
  std::vector<EventPointer> events_;  // before each op, and after the last; made when ops are first timed
};

class GpuDevice final : public Device {
 public:
  GpuDevice(SharedDriver driver, Block control, std::string name)
      : shared_{std::move(driver), std::move(control), false, {}}, name_(std::move(name)) {}

  std::string name() const override { return name_; }

  Result<std::shared_ptr<Memory>> Allocate(size_t bytes) override {
    Result<Block> block = Block::OnDevice(shared_.driver, bytes);
    if (!block.ok()) return block.status();
    auto memory = std::make_shared<GpuMemory>(std::move(block.value()), bytes);
    if (bytes > 0) NANO_RETURN_IF_ERROR(shared_.driver->Zero(memory->data(), bytes));
    return std::shared_ptr<Memory>(std::move(memory));
  }

  Status Upload(Memory& to, std::span<const std::byte> from) override {
    if (from.empty()) return Status::Ok();
    if (shared_.driver->SharesMemory()) {
      NANO_RETURN_IF_ERROR(shared_.driver->Finish());
      std::memcpy(DataOf(to), from.data(), from.size());
      return Status::Ok();
    }
    return Copy(from.size(), [&](std::byte* host, Message& message) {
      std::memcpy(host, from.data(), from.size());
      return module().upload(queue(), DataOf(to), host, from.size(), message);
    });
  }

  Status Download(const Memory& from, std::span<std::byte> to) override {
    if (to.empty()) return Status::Ok();
    if (shared_.driver->SharesMemory()) {
      NANO_RETURN_IF_ERROR(shared_.driver->Finish());
      std::memcpy(to.data(), DataOf(from), to.size());
      return Status::Ok();
    }
    return Copy(
        to.size(),
        [&](std::byte* host, Message& message) {
          return module().download(queue(), host, DataOf(from), to.size(), message);
        },
        [&](const std::byte* host) { std::memcpy(to.data(), host, to.size()); });
  }

  Result<std::unique_ptr<Executable>> Compile(CheckedProgram program,
                                              std::vector<std::shared_ptr<Memory>> store) override {
    auto executable = std::make_unique<GpuExecutable>(std::move(program), std::move(store), shared_);
    NANO_RETURN_IF_ERROR(executable->Compile());
    return std::unique_ptr<Executable>(std::move(executable));
  }

  Settled Settle(size_t under_way, size_t left) override {
    Settled settled;
    while (under_way - settled.count > left) {
      const Shared::Pending oldest = shared_.under_way.front();
      shared_.under_way.pop_front();
      settled.failure = oldest.executable->Finish(*oldest.slot, oldest.outputs);
      if (settled.failure) {
        Recover(*settled.failure);
        break;
      }
      ++settled.count;
    }
    return settled;
  }

 private:
  const Module& module() const { return shared_.driver->module(); }
  Queue* queue() const { return shared_.driver->queue(); }

  // What is under way has seen the failure and does nothing; kernels may work again once it is over.
  void Recover(OpFailure& failure) {
    while (!shared_.under_way.empty()) {
      static_cast<void>(shared_.under_way.back().slot->done.Wait());
      shared_.under_way.pop_back();
    }
    const Status status = shared_.ClearControl();
    if (!status.ok() && failure.status.code() != Code::kDeviceLost) failure = {status, {}, {}};
  }

  // Enqueues a copy from or to memory of the host, waits for it, and lets `after` have what came.
  template <class Enqueue>
  Status Copy(size_t bytes, Enqueue&& enqueue, const std::function<void(const std::byte*)>& after = {}) {
    Result<Block> host = Block::OnHost(shared_.driver, bytes);
    if (!host.ok()) return host.status();
    EventPointer done(shared_.driver);
    NANO_RETURN_IF_ERROR(done.Make());
    NANO_RETURN_IF_ERROR(shared_.driver->Ask([&](Message& message) { return enqueue(host.value().data(), message); }));
    NANO_RETURN_IF_ERROR(done.Mark());
    NANO_RETURN_IF_ERROR(done.Wait());
    if (after) after(host.value().data());
    return Status::Ok();
  }

  Shared shared_;
  std::string name_;
};

}  // namespace

Result<std::unique_ptr<Device>> OpenGpu(const Module& module, int ordinal, std::string name) {
  auto driver = std::make_shared<Driver>(module);
  NANO_RETURN_IF_ERROR(driver->Open(ordinal));
  Result<Block> control = Block::OnDevice(driver, sizeof(Control));
  if (!control.ok()) return control.status();
  NANO_RETURN_IF_ERROR(driver->Zero(control.value().data(), sizeof(Control)));
  return std::unique_ptr<Device>(
      std::make_unique<GpuDevice>(std::move(driver), std::move(control.value()), std::move(name)));
}

}  // namespace nano::gpu
