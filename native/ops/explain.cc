#include "ops/explain.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace nano {
namespace {

const char* WhatOf(InputError::What what) {
  constexpr const char* kNames[] = {"token", "target",      "start", "slot",  "offset", "position", "row",
                                    "step",  "temperature", "top_k", "top_p", "min_p",  "penalty"};
  return kNames[what];
}

const char* Wanted(InputError::What what) {
  switch (what) {
    case InputError::kTopP:
      return "more than 0 and at most 1";
    case InputError::kMinP:
      return "at least 0 and at most 1";
    case InputError::kPenalty:
      return "finite and more than 0";
    default:
      return "finite and at least 0";
  }
}

std::string Spell(float value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return std::to_string(value);
}

// "token 3 is 70, it must be at least 0 and at most 64".
std::string OutOfRange(const InputError& it) {
  const std::string number = it.index < 0 ? "" : " " + std::to_string(it.index);
  return WhatOf(it.what) + number + " is " + std::to_string(it.value) + ", it must be at least " +
         std::to_string(it.low) + " and at most " + std::to_string(it.high);
}

Status ToStatus(const std::string& op, const InputError& it) {
  switch (it.kind) {
    case InputError::kOutOfRange:
      return {Code::kOutOfRange, op + ": " + OutOfRange(it)};
    case InputError::kBadNumber:
      return {Code::kOutOfRange,
              op + ": " + WhatOf(it.what) + " is " + Spell(it.number) + ", it must be " + Wanted(it.what)};
    case InputError::kSameSlot:
      return {Code::kOutOfRange, op + ": slot " + std::to_string(it.low) + " and slot " + std::to_string(it.index) +
                                     " are both " + std::to_string(it.value) + ", each sequence needs one of its own"};
    case InputError::kNothingToSample:
      return {Code::kOutOfRange, op + ": row " + std::to_string(it.index) +
                                     " of the logits leaves nothing to choose from (a NaN, or nothing but -Infinity)"};
    case InputError::kNotFinite:
      return {Code::kNonFinite, op + ": the value is " + Spell(it.number) + ", it must be finite"};
    default:
      return {Code::kInternal, op + ": it failed and doesn't say why"};
  }
}

OpFailure NotFiniteOutput(const Program& program, size_t op, size_t output, int64_t element) {
  const uint32_t index = program.ops[op].outputs[output];
  const Buffer& buffer = program.buffers[index];
  const std::string place = element < 0 ? "in" : "element " + std::to_string(element) + " of";
  return {Status(Code::kNonFinite, OpName(program, op) + " computed a value that is not finite: " + place + " \"" +
                                       buffer.name + "\", " + buffer.spec.ToString()),
          op, index};
}

}  // namespace

OpFailure Explain(const Program& program, size_t op, const InputError& error) {
  if (error.kind == InputError::kNotFiniteOutput) {
    return NotFiniteOutput(program, op, static_cast<size_t>(error.value), error.index);
  }
  const std::vector<uint32_t>& inputs = program.ops[op].inputs;
  OpFailure failure{ToStatus(program.ops[op].name, error), op, {}};
  if (error.input < inputs.size()) failure.buffer = inputs[error.input];
  return failure;
}

}  // namespace nano
