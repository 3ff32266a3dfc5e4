#include "binding/values.h"

#include <cmath>
#include <cstring>
#include <new>
#include <vector>

#include "engine/limits.h"

namespace nano::binding {
namespace {

constexpr double kMaxSafeInteger = 9007199254740991.0;

[[noreturn]] void Refuse(const std::string& message) { throw Refused(Status(Code::kInvalidArgument, message)); }

const char* TypeName(const Napi::Value& value) {
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return "a boolean";
    case napi_number:
      return "a number";
    case napi_string:
      return "a string";
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    case napi_bigint:
      return "a bigint";
    default:
      return "an object";
  }
}

[[noreturn]] void RefuseType(const Napi::Value& value, const std::string& what, const char* wanted) {
  Refuse(what + " is " + TypeName(value) + "; it must be " + wanted);
}

}  // namespace

Napi::Error ErrorFor(Napi::Env env, const Status& status) {
  Napi::Error error = Napi::Error::New(env, status.message());
  error.Set("code", Napi::String::New(env, NameOf(status.code())));
  return error;
}

Status NoMemoryFor(size_t bytes, const std::string& what) {
  return {Code::kOutOfMemory, "there is no memory for the " + std::to_string(bytes) + " bytes of " + what};
}

std::string TextFrom(const Napi::Value& value, const std::string& what) {
  if (!value.IsString()) RefuseType(value, what, "a string");
  return value.As<Napi::String>().Utf8Value();
}

uint64_t CountFrom(const Napi::Value& value, const std::string& what, uint64_t least) {
  if (!value.IsNumber()) RefuseType(value, what, "a number");
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= static_cast<double>(least) && number <= kMaxSafeInteger && std::floor(number) == number)) {
    Refuse(what + " is " + value.ToString().Utf8Value() + "; it must be a whole number, at least " +
           std::to_string(least));
  }
  return static_cast<uint64_t>(number);
}

Bytes BytesFrom(const Napi::Value& value, const std::string& what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    RefuseType(value, what, "a Uint8Array");
  }
  const auto array = value.As<Napi::Uint8Array>();
  try {
    Bytes bytes(array.ByteLength());
    if (bytes.size() > 0) std::memcpy(bytes.data(), array.Data(), bytes.size());
    return bytes;
  } catch (const std::bad_alloc&) {
    throw Refused(NoMemoryFor(array.ByteLength(), "a copy"));
  }
}

Napi::Object ObjectFrom(const Napi::Value& value, const std::string& what) {
  if (!value.IsObject()) RefuseType(value, what, "an object");
  return value.As<Napi::Object>();
}

Napi::Array ArrayFrom(const Napi::Value& value, const std::string& what) {
  if (!value.IsArray()) RefuseType(value, what, "an array");
  return value.As<Napi::Array>();
}

bool FlagFrom(const Napi::Value& value, const std::string& what) {
  if (value.IsUndefined()) return false;
  if (!value.IsBoolean()) RefuseType(value, what, "a boolean");
  return value.As<Napi::Boolean>().Value();
}

TensorSpec SpecFrom(const Napi::Value& dtype, const Napi::Value& shape) {
  const std::optional<Dtype> known = DtypeNamed(TextFrom(dtype, "dtype"));
  if (!known) Refuse("dtype is none of f32, f64, bf16, f16, i32, u8, u16 and u32");
  const Napi::Array array = ArrayFrom(shape, "shape");
  if (array.Length() > kMaxRank) Refuse("shape has rank " + std::to_string(array.Length()) + "; the highest is 8");
  std::vector<uint64_t> dims;
  for (uint32_t axis = 0; axis < array.Length(); ++axis) {
    const Napi::Value dim = array.Get(axis);
    dims.push_back(CountFrom(dim, "shape[" + std::to_string(axis) + "]", 1));
  }
  Result<TensorSpec> spec = MakeSpec(*known, dims);
  if (!spec.ok()) throw Refused(spec.status());
  return spec.value();
}

}  // namespace nano::binding
