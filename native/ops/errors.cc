// The texts of the errors that kernels return.
#include "ops/errors.h"

#include <cmath>
#include <string>

namespace nano {
namespace {

std::string Range(int64_t low, int64_t high) {
  return "it must be at least " + std::to_string(low) + " and at most " + std::to_string(high);
}

std::string Spell(float value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return std::to_string(value);
}

}  // namespace

Status OutOfRange(const char* op, const char* what, int64_t index, int64_t value, int64_t low, int64_t high) {
  return OutOfRange(op, (std::string(what) + " " + std::to_string(index)).c_str(), value, low, high);
}

Status OutOfRange(const char* op, const char* what, int64_t value, int64_t low, int64_t high) {
  return Status(Code::kOutOfRange,
                std::string(op) + ": " + what + " is " + std::to_string(value) + ", " + Range(low, high));
}

Status BadNumber(const char* op, const char* what, float value, const char* wanted) {
  return Status(Code::kOutOfRange, std::string(op) + ": " + what + " is " + Spell(value) + ", it must be " + wanted);
}

Status SameSlot(const char* op, int64_t slot, int64_t first, int64_t second) {
  return Status(Code::kOutOfRange, std::string(op) + ": slot " + std::to_string(first) + " and slot " +
                                       std::to_string(second) + " are both " + std::to_string(slot) +
                                       ", each sequence needs one of its own");
}

Status NothingToSample(int64_t row) {
  return Status(Code::kOutOfRange,
                "sample: row " + std::to_string(row) +
                    " of the logits leaves nothing to choose from (a NaN, or nothing but -Infinity)");
}

Status NotFinite(float value) {
  return Status(Code::kNonFinite, "require_finite: the value is " + Spell(value) + ", it must be finite");
}

}  // namespace nano
