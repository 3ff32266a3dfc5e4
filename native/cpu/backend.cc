#include "cpu/backend.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include "cpu/kernel.h"
#include "engine/backend.h"
#include "engine/guard.h"
#include "engine/host_memory.h"
#include "engine/plan.h"
#include "engine/sanitizer.h"
#include "engine/shared_pool.h"
#include "ops/explain.h"
#include "ops/validate.h"

namespace nano::cpu {
namespace {

class CpuMemory final : public Memory {
 public:
  explicit CpuMemory(HostArena::Block block)
      : Memory(block.bytes.size()), data_(block.bytes.data()), owner_(std::move(block.chunk)) {}
  // The Store refuses Programs that write a mapped file.
  explicit CpuMemory(std::shared_ptr<const MappedFile> file)
      : Memory(file->bytes().size()), data_(const_cast<std::byte*>(file->bytes().data())), owner_(std::move(file)) {}
  std::byte* data() const { return data_; }

 private:
  std::byte* data_;
  std::shared_ptr<const void> owner_;
};

std::byte* DataOf(const Memory& memory) { return static_cast<const CpuMemory&>(memory).data(); }

// The index of the first element whose exponent bits are all ones, or -1. Tests the bits
// explicitly, so that it works for all dtypes and with all compiler flags.
template <class Bits>
int64_t FirstNonFinite(const void* data, int64_t elements, Bits exponent) {
  const Bits* bits = static_cast<const Bits*>(data);
  for (int64_t i = 0; i < elements; ++i) {
    if ((bits[i] & exponent) == exponent) return i;
  }
  return -1;
}

int64_t FirstNonFinite(const Tensor& tensor) {
  const int64_t elements = tensor.spec->elements();
  switch (tensor.spec->dtype) {
    case Dtype::kF32:
      return FirstNonFinite<uint32_t>(tensor.data, elements, 0x7F800000u);
    case Dtype::kF64:
      return FirstNonFinite<uint64_t>(tensor.data, elements, 0x7FF0000000000000u);
    case Dtype::kBf16:
      return FirstNonFinite<uint16_t>(tensor.data, elements, 0x7F80u);
    case Dtype::kF16:
      return FirstNonFinite<uint16_t>(tensor.data, elements, 0x7C00u);
    default:
      return -1;
  }
}

class CpuExecutable final : public Executable {
 public:
  CpuExecutable(CheckedProgram checked, std::vector<std::shared_ptr<Memory>> store, SharedPool& pool)
      : Executable(std::move(checked)), store_(std::move(store)), pool_(pool) {}

  Status Compile(const KernelTable& table) {
    if (program().precision != Precision::kF32) {
      return {Code::kUnsupported,
              std::string("the CPU computes in f32; precision ") + NameOf(program().precision) + " needs a GPU"};
    }
    NANO_RETURN_IF_ERROR(FindKernels(table));
    NANO_RETURN_IF_ERROR(Stage());
    MakeCalls();
    return Status::Ok();
  }

  Status Prepare() override {
    return Guarded([&]() -> Status {
      const int threads = pool_.Get().threads();
      if (threads == planned_threads_) return Status::Ok();
      std::vector<size_t> scratch(program().ops.size(), 0);
      for (size_t op = 0; op < program().ops.size(); ++op) {
        if (kernels_[op]->scratch == nullptr) continue;
        const OpSpecs specs(program(), program().ops[op]);
        scratch[op] = kernels_[op]->scratch(specs.view(), checked().params[op], threads);
      }
      const size_t most = scratch.empty() ? 0 : *std::max_element(scratch.begin(), scratch.end());
      Result<Plan> plan = PlanArena(program(), most);
      if (!plan.ok()) return plan.status();
      scratch_bytes_ = std::move(scratch);
      plan_ = std::move(plan.value());
      planned_threads_ = threads;
      return Status::Ok();
    });
  }

  size_t arena_bytes() const override { return plan_.bytes; }

  size_t staging_bytes() const override {
    size_t bytes = 0;
    for (const HostMemory& memory : staging_) bytes += memory.size();
    return bytes;
  }

  Status Bind(Memory& arena) override {
    NANO_RETURN_IF_ERROR(MakeSeparate());
    std::byte* base = DataOf(arena);
    size_t next = 0;
    for (size_t op = 0; op < calls_.size(); ++op) {
      for (const uint32_t buffer : program().ops[op].inputs) tensors_[next++].data = Locate(buffer, base);
      for (const uint32_t buffer : program().ops[op].outputs) tensors_[next++].data = Locate(buffer, base);
      calls_[op].scratch = scratch_bytes_[op] == 0 ? nullptr : kSanitizing ? separate_scratch_[op].data() : base;
      calls_[op].pool = &pool_.Get();
    }
    return Status::Ok();
  }

  std::optional<OpFailure> Run(const std::byte* inputs, std::byte* outputs, const ExecutionOptions& options) override {
    const auto& [check_finite, seconds, stops] = options;
    for (const Record::Part& part : this->inputs().parts) {
      std::memcpy(staging_[part.buffer].data(), inputs + part.offset, part.bytes);
    }
    for (size_t op = 0; op < calls_.size(); ++op) {
      if (stops()) return OpFailure{Status(Code::kCancelled, ""), op, {}};
      InputError error = seconds == nullptr ? kernels_[op]->run(calls_[op]) : RunTimed(op, seconds[op]);
      if (error.kind == InputError::kNone && check_finite) error = CheckFinite(op);
      if (error.kind != InputError::kNone) return Explain(program(), op, error);
    }
    if (this->outputs().bytes > 0) CopyOutputs(outputs);
    return std::nullopt;
  }

 private:
  InputError RunTimed(size_t op, double& seconds) {
    const auto start = std::chrono::steady_clock::now();
    const InputError error = kernels_[op]->run(calls_[op]);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return error;
  }

  Status FindKernels(const KernelTable& table) {
    for (size_t op = 0; op < program().ops.size(); ++op) {
      const Kernel* kernel = table.find(program().ops[op].name);
      if (kernel == nullptr) {
        return {Code::kUnsupported, OpName(program(), op) + ": the CPU has no kernel for it"};
      }
      kernels_.push_back(kernel);
    }
    return Status::Ok();
  }

  Status Stage() {
    staging_.resize(program().buffers.size());
    for (size_t index = 0; index < staging_.size(); ++index) {
      const Buffer& buffer = program().buffers[index];
      if (buffer.role != Role::kInput && buffer.role != Role::kOutput) continue;
      Result<HostMemory> memory = HostMemory::Allocate(buffer.spec.bytes());
      if (!memory.ok()) return memory.status();
      staging_[index] = std::move(memory.value());
    }
    return Status::Ok();
  }

  // Makes the calls, complete except for their data pointers.
  void MakeCalls() {
    size_t operands = 0;
    for (const Op& op : program().ops) operands += op.inputs.size() + op.outputs.size();
    tensors_.reserve(operands);  // never reallocates: the calls point into it
    for (size_t index = 0; index < program().ops.size(); ++index) {
      const Op& op = program().ops[index];
      Call call{};
      call.inputs = AddTensors(op.inputs);
      call.outputs = AddTensors(op.outputs);
      call.params = &checked().params[index];
      calls_.push_back(call);
    }
  }

  std::span<const Tensor> AddTensors(std::span<const uint32_t> buffers) {
    const size_t first = tensors_.size();
    for (const uint32_t buffer : buffers) tensors_.push_back({nullptr, &program().buffers[buffer].spec});
    return std::span(tensors_).subspan(first);
  }

  std::byte* Locate(uint32_t index, std::byte* arena) const {
    const Role role = program().buffers[index].role;
    if (role == Role::kStore) return DataOf(*store_[index]);
    if (role != Role::kTemporary) return staging_[index].data();
    return kSanitizing ? separate_[index].data() : arena + plan_.buffers[index];
  }

  // AddressSanitizer knows the end of an allocation, but not of a tensor in the arena. Under it,
  // each temporary and each scratch has its own allocation, filled with NaN.
  Status MakeSeparate() {
    if (!kSanitizing || separate_threads_ == planned_threads_) return Status::Ok();
    separate_.resize(program().buffers.size());
    separate_scratch_.resize(program().ops.size());
    for (size_t index = 0; index < separate_.size(); ++index) {
      const Buffer& buffer = program().buffers[index];
      if (buffer.role != Role::kTemporary) continue;
      NANO_RETURN_IF_ERROR(AllocateNan(buffer.spec.bytes(), separate_[index]));
    }
    for (size_t op = 0; op < separate_scratch_.size(); ++op) {
      NANO_RETURN_IF_ERROR(AllocateNan(scratch_bytes_[op], separate_scratch_[op]));
    }
    separate_threads_ = planned_threads_;
    return Status::Ok();
  }

  static Status AllocateNan(size_t bytes, HostMemory& to) {
    Result<HostMemory> memory = HostMemory::Allocate(bytes);
    if (!memory.ok()) return memory.status();
    to = std::move(memory.value());
    if (bytes > 0) std::memset(to.data(), 0xFF, bytes);
    return Status::Ok();
  }

  InputError CheckFinite(size_t op) const {
    for (size_t output = 0; output < calls_[op].outputs.size(); ++output) {
      const int64_t at = FirstNonFinite(calls_[op].outputs[output]);
      if (at >= 0) return NotFiniteOutput(static_cast<int64_t>(output), at);
    }
    return {};
  }

  void CopyOutputs(std::byte* outputs) const {
    size_t end = 0;
    for (const Record::Part& part : this->outputs().parts) {
      std::memset(outputs + end, 0, part.offset - end);  // padding before the part
      std::memcpy(outputs + part.offset, staging_[part.buffer].data(), part.bytes);
      end = part.offset + part.bytes;
    }
    std::memset(outputs + end, 0, this->outputs().bytes - end);
  }

  std::vector<std::shared_ptr<Memory>> store_;
  SharedPool& pool_;
  std::vector<const Kernel*> kernels_;
  std::vector<HostMemory> staging_;  // of inputs and outputs, by buffer index
  std::vector<Tensor> tensors_;      // inputs and outputs of all ops, in op order
  std::vector<Call> calls_;
  std::vector<size_t> scratch_bytes_;
  Plan plan_;
  int planned_threads_ = 0;
  std::vector<HostMemory> separate_;
  std::vector<HostMemory> separate_scratch_;
  int separate_threads_ = 0;
};

class CpuDevice final : public Device {
 public:
  CpuDevice(const KernelTable& table, SharedPool& pool) : table_(table), pool_(pool) {}

  std::string name() const override { return "cpu"; }

  Result<std::shared_ptr<Memory>> Allocate(size_t bytes) override {
    Result<HostArena::Block> block = arena_.Allocate(bytes);
    if (!block.ok()) return block.status();
    return std::shared_ptr<Memory>(std::make_shared<CpuMemory>(std::move(block.value())));
  }

  std::shared_ptr<Memory> Map(std::shared_ptr<const MappedFile> file) override {
    return std::make_shared<CpuMemory>(std::move(file));
  }

  size_t bytes() const override { return arena_.bytes(); }

  Status Upload(Memory& to, std::span<const std::byte> from, size_t at) override {
    if (!from.empty()) std::memcpy(DataOf(to) + at, from.data(), from.size());
    return Status::Ok();
  }

  Status Download(const Memory& from, std::span<std::byte> to) override {
    if (!to.empty()) std::memcpy(to.data(), DataOf(from), to.size());
    return Status::Ok();
  }

  Result<std::unique_ptr<Executable>> Compile(CheckedProgram program,
                                              std::vector<std::shared_ptr<Memory>> store) override {
    auto executable = std::make_unique<CpuExecutable>(std::move(program), std::move(store), pool_);
    NANO_RETURN_IF_ERROR(executable->Compile(table_));
    return std::unique_ptr<Executable>(std::move(executable));
  }

 private:
  const KernelTable& table_;
  SharedPool& pool_;
  HostArena arena_;  // all memory of the device
};

std::string Listed(const std::vector<std::string_view>& names) {
  std::string list;
  for (const std::string_view name : names) list += (list.empty() ? "" : ", ") + std::string(name);
  return list;
}

}  // namespace

std::vector<std::string_view> InstructionSets() {
  std::vector<std::string_view> found = CompiledInstructionSets();
  std::erase_if(found, [](std::string_view name) { return SelectKernels(name) == nullptr; });
  return found;
}

std::string WhyNoKernels() {
  if (SelectKernels() != nullptr) return "";
  const std::vector<std::string_view> compiled = CompiledInstructionSets();
  if (compiled.empty()) return "this binary has no kernels for the CPU";
  if (!InstructionSets().empty()) return "the instruction set " + Listed(InstructionSets()) + " must be named";
  return "this binary has kernels for " + Listed(compiled) + " only, which this processor does not support";
}

Result<std::unique_ptr<Device>> Open(std::string_view instruction_set, SharedPool& pool) {
  const KernelTable* table = SelectKernels(instruction_set);
  if (table != nullptr) return std::unique_ptr<Device>(std::make_unique<CpuDevice>(*table, pool));
  std::string reason = WhyNoKernels();
  if (reason.empty()) {
    reason = "this processor or this binary does not have the instruction set \"" + std::string(instruction_set) +
             "\"; it has " + Listed(InstructionSets());
  }
  return Status(Code::kUnsupported, std::move(reason));
}

}  // namespace nano::cpu
