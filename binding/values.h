// Converts between JavaScript values and the engine's: argument checks with messages, errors with
// codes.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include "engine/bytes.h"
#include "engine/program.h"
#include "engine/status.h"

namespace nano::binding {

// An invalid argument. Becomes a rejected promise, or an exception in a constructor.
class Refused : public std::exception {
 public:
  explicit Refused(Status status) : status_(std::move(status)) {}
  const Status& status() const { return status_; }
  const char* what() const noexcept override { return status_.message().c_str(); }

 private:
  Status status_;
};

// Makes an Error whose `code` is the name of the status code.
Napi::Error ErrorFor(Napi::Env env, const Status& status);

// The error for a failed allocation of `bytes` bytes.
Status NoMemoryFor(size_t bytes, const std::string& what);

// Each function converts `value` and throws Refused if it has the wrong type or range. `what` names
// the value in the message.
std::string TextFrom(const Napi::Value& value, const std::string& what);
uint64_t CountFrom(const Napi::Value& value, const std::string& what, uint64_t least);
Bytes BytesFrom(const Napi::Value& value, const std::string& what);  // a copy
Napi::Object ObjectFrom(const Napi::Value& value, const std::string& what);
Napi::Array ArrayFrom(const Napi::Value& value, const std::string& what);
bool FlagFrom(const Napi::Value& value, const std::string& what);  // undefined is false
TensorSpec SpecFrom(const Napi::Value& dtype, const Napi::Value& shape);

}  // namespace nano::binding
