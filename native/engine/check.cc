#include "engine/check.h"

#include <string>
#include <unordered_set>
#include <utility>

#include "engine/guard.h"

namespace nano {
namespace {

const char* NameOf(Role role) {
  switch (role) {
    case Role::kStore:
      return "store";
    case Role::kInput:
      return "input";
    case Role::kOutput:
      return "output";
    case Role::kTemporary:
      return "temporary";
  }
  return "unknown";
}

// A rule's message begins with the op's name, which InvalidOp() adds as well.
std::string WithoutName(const std::string& message, const std::string& op) {
  return message.starts_with(op + ": ") ? message.substr(op.size() + 2) : message;
}

class ProgramChecker {
 public:
  explicit ProgramChecker(Program program) : program_(std::move(program)), written_(program_.buffers.size()) {}

  Result<CheckedProgram> Run() {
    NANO_RETURN_IF_ERROR(CheckNames());
    as_input_.resize(program_.buffers.size());
    as_output_.resize(program_.buffers.size());
    params_.resize(program_.ops.size());
    for (size_t index = 0; index < program_.ops.size(); ++index) NANO_RETURN_IF_ERROR(CheckOp(index));
    NANO_RETURN_IF_ERROR(CheckAllWritten());
    return CheckedProgram{std::move(program_), std::move(params_)};
  }

 private:
  Status Invalid(const std::string& message) const {
    return {Code::kInvalidProgram, "invalid program \"" + program_.name + "\": " + message};
  }
  Status InvalidOp(size_t index, const std::string& message) const {
    return Invalid(OpName(program_, index) + ": " + message);
  }
  std::string Describe(uint32_t buffer) const {
    const Buffer& it = program_.buffers[buffer];
    return std::string(NameOf(it.role)) + " buffer " + std::to_string(buffer) + " \"" + it.name + "\"";
  }

  Status CheckNames() const {
    std::unordered_set<std::string_view> names;
    for (uint32_t index = 0; index < program_.buffers.size(); ++index) {
      const Buffer& buffer = program_.buffers[index];
      if (buffer.role == Role::kTemporary) continue;
      if (buffer.name.empty()) return Invalid(Describe(index) + " has no name");
      if (!names.insert(buffer.name).second) return Invalid(Describe(index) + ": the name is not unique");
    }
    return Status::Ok();
  }

  Status CheckOp(size_t index) {
    const Op& op = program_.ops[index];
    const Rule* rule = FindRule(op.name);
    if (rule == nullptr) return InvalidOp(index, "there is no such op");
    NANO_RETURN_IF_ERROR(CheckReads(index));
    const OpSpecs specs(program_, op);
    if (const Status status = rule->check(specs.view(), params_[index]); !status.ok()) {
      return InvalidOp(index, WithoutName(status.message(), op.name));
    }
    NANO_RETURN_IF_ERROR(CheckFormats(index));
    CountUses(op, 1);
    Status status = CheckWrites(index);
    if (status.ok()) status = CheckInPlace(index, *rule, specs.view());
    CountUses(op, -1);
    return status;
  }

  Status CheckReads(size_t index) const {
    for (const uint32_t buffer : program_.ops[index].inputs) {
      const Role role = program_.buffers[buffer].role;
      if ((role == Role::kTemporary || role == Role::kOutput) && !written_[buffer]) {
        return InvalidOp(index, "it reads " + Describe(buffer) + ", which no op has written yet");
      }
    }
    return Status::Ok();
  }

  // Only a Program of precision bf16 may use bf16 buffers. `copy` is allowed in every Program.
  Status CheckFormats(size_t index) const {
    const Op& op = program_.ops[index];
    if (program_.precision == Precision::kBf16 || op.name == "copy") return Status::Ok();
    for (const auto* buffers : {&op.inputs, &op.outputs}) {
      for (const uint32_t buffer : *buffers) {
        if (program_.buffers[buffer].spec.dtype != Dtype::kBf16) continue;
        return InvalidOp(index,
                         Describe(buffer) + " is bf16, and the program's precision is " + NameOf(program_.precision));
      }
    }
    return Status::Ok();
  }

  Status CheckWrites(size_t index) {
    for (const uint32_t buffer : program_.ops[index].outputs) {
      const Role role = program_.buffers[buffer].role;
      if (as_output_[buffer] > 1) return InvalidOp(index, Describe(buffer) + " stands twice among its outputs");
      if (role == Role::kInput) return InvalidOp(index, "it writes " + Describe(buffer) + "; inputs are only read");
      if (role != Role::kStore && written_[buffer]) {
        return InvalidOp(index, "it writes " + Describe(buffer) + ", which is written already");
      }
      written_[buffer] = true;
    }
    return Status::Ok();
  }

  // An output that the rule pairs with an input is the same store buffer on both sides. Every other
  // buffer is on one side only.
  Status CheckInPlace(size_t index, const Rule& rule, const OpView& view) const {
    const Op& op = program_.ops[index];
    for (size_t output = 0; output < op.outputs.size(); ++output) {
      const uint32_t buffer = op.outputs[output];
      const int input = rule.in_place == nullptr ? -1 : rule.in_place(view, static_cast<int>(output));
      if (input < 0) {
        if (as_input_[buffer] > 0) return InvalidOp(index, Describe(buffer) + " is both an input and an output");
        continue;
      }
      if (static_cast<size_t>(input) >= op.inputs.size() || op.inputs[input] != buffer) {
        return InvalidOp(index, "output " + std::to_string(output) + " must be the same buffer as input " +
                                    std::to_string(input) + ": it works in place");
      }
      if (program_.buffers[buffer].role != Role::kStore) {
        return InvalidOp(index, Describe(buffer) + " is updated in place; only store buffers may be");
      }
      if (as_input_[buffer] > 1) {
        return InvalidOp(index, Describe(buffer) + " is updated in place and stands twice among the inputs");
      }
    }
    return Status::Ok();
  }

  Status CheckAllWritten() const {
    for (uint32_t index = 0; index < program_.buffers.size(); ++index) {
      const Role role = program_.buffers[index].role;
      if ((role == Role::kTemporary || role == Role::kOutput) && !written_[index]) {
        return Invalid("no op writes " + Describe(index));
      }
    }
    return Status::Ok();
  }

  // Counts how often the current op names each buffer. The caller undoes the count after the op, so
  // that the whole check takes linear time.
  void CountUses(const Op& op, int by) {
    for (const uint32_t buffer : op.inputs) as_input_[buffer] += by;
    for (const uint32_t buffer : op.outputs) as_output_[buffer] += by;
  }

  Program program_;
  std::vector<bool> written_;
  std::vector<int> as_input_;
  std::vector<int> as_output_;
  std::vector<Params> params_;
};

}  // namespace

OpSpecs::OpSpecs(const Program& program, const Op& op) : op_(&op) {
  inputs_.reserve(op.inputs.size());
  outputs_.reserve(op.outputs.size());
  for (const uint32_t buffer : op.inputs) inputs_.push_back(program.buffers[buffer].spec);
  for (const uint32_t buffer : op.outputs) outputs_.push_back(program.buffers[buffer].spec);
}

std::string OpName(const Program& program, size_t op) {
  return "op " + std::to_string(op) + " (" + program.ops[op].name + ")";
}

Result<CheckedProgram> Check(Program program) {
  return Guarded([&]() -> Result<CheckedProgram> { return ProgramChecker(std::move(program)).Run(); });
}

}  // namespace nano
