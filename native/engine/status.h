// Errors as values. The engine throws no exceptions of its own. Entry points catch those of the
// standard library.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace nano {

enum class Code {
  kOk,
  kInvalidProgram,   // the bytes or the Program violate docs/program.md
  kInvalidArgument,  // the caller gave an invalid name, shape, dtype or length
  kUnsupported,      // valid, but not supported by this backend
  kOutOfMemory,
  kReadFailed,  // a file can't be read, or is too short
  kOutOfRange,  // the contents of an input: a token, an offset, a position
  kNonFinite,   // require_finite, an update op or checkFinite found a NaN or an Infinity
  kCancelled,
  kDisposed,
  kDeviceLost,  // the device no longer responds and can't be used again
  kInternal,
};
const char* NameOf(Code code);  // "invalid_program": the spelling that JavaScript and case files use

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}
  static Status Ok() { return {}; }
  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  Code code_ = Code::kOk;
  std::string message_;  // what is wrong, the value, and what would be valid
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}          // NOLINT: implicit on purpose
  Result(Status status) : status_(std::move(status)) {}  // NOLINT: implicit on purpose
  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }
  T& value() { return *value_; }
  const T& value() const { return *value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

#define NANO_RETURN_IF_ERROR(expression)                                                  \
  do {                                                                                    \
    if (::nano::Status nano_status = (expression); !nano_status.ok()) return nano_status; \
  } while (0)

}  // namespace nano
