#include "engine/explain.h"

#include <string>
#include <string_view>
#include <utility>

#include "ops/errors.h"

namespace nano {
namespace {

// The first input whose contents an op examines, or -1.
int ExaminedInput(std::string_view op) {
  constexpr std::pair<std::string_view, int> kExamined[] = {
      {"gather_batch", 1},
      {"positions", 0},
      {"embedding", 0},
      {"embedding_backward", 0},
      {"attention", 3},
      {"cross_entropy", 1},
      {"cross_entropy_backward", 1},
      {"require_finite", 0},
      {"adamw", 0},
      {"cache_write", 2},
      {"select_row", 1},
  };
  for (const auto& [name, input] : kExamined) {
    if (name == op) return input;
  }
  return -1;
}

const char* WhatOf(Complaint::What what) {
  constexpr const char* kNames[] = {"token", "target",      "start", "slot",  "offset", "position", "row",
                                    "step",  "temperature", "top_k", "top_p", "min_p",  "penalty"};
  return kNames[what];
}

const char* Wanted(Complaint::What what) {
  switch (what) {
    case Complaint::kTopP:
      return "more than 0 and at most 1";
    case Complaint::kMinP:
      return "at least 0 and at most 1";
    case Complaint::kPenalty:
      return "finite and more than 0";
    default:
      return "finite and at least 0";
  }
}

Status ToStatus(const char* op, const Complaint& it) {
  switch (it.kind) {
    case Complaint::kOutOfRange:
      return it.index < 0 ? OutOfRange(op, WhatOf(it.what), it.value, it.low, it.high)
                          : OutOfRange(op, WhatOf(it.what), it.index, it.value, it.low, it.high);
    case Complaint::kBadNumber:
      return BadNumber(op, WhatOf(it.what), it.number, Wanted(it.what));
    case Complaint::kSameSlot:
      return SameSlot(op, it.value, it.low, it.index);
    case Complaint::kNothingToSample:
      return NothingToSample(it.index);
    case Complaint::kNotFinite:
      return NotFinite(it.number);
    default:
      return {Code::kInternal, std::string(op) + ": it failed and doesn't say why"};
  }
}

}  // namespace

OpFailure Blame(const Program& program, size_t op, Status status) {
  const std::vector<uint32_t>& inputs = program.ops[op].inputs;
  const int input = ExaminedInput(program.ops[op].name);
  OpFailure failure{std::move(status), op, {}};
  if (input >= 0 && static_cast<size_t>(input) < inputs.size()) failure.buffer = inputs[static_cast<size_t>(input)];
  return failure;
}

OpFailure NotFiniteOutput(const Program& program, size_t op, size_t output, int64_t element) {
  const uint32_t index = program.ops[op].outputs[output];
  const Buffer& buffer = program.buffers[index];
  return {
      Status(Code::kNonFinite, OpName(program, op) + " computed a value that is not finite: element " +
                                   std::to_string(element) + " of \"" + buffer.name + "\", " + buffer.spec.ToString()),
      op, index};
}

OpFailure Explain(const Program& program, size_t op, const Complaint& complaint) {
  if (complaint.kind == Complaint::kNotFiniteOutput) {
    return NotFiniteOutput(program, op, static_cast<size_t>(complaint.value), complaint.index);
  }
  return Blame(program, op, ToStatus(program.ops[op].name.c_str(), complaint));
}

}  // namespace nano
