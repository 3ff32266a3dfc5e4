#include "engine/limits.h"

#include <array>
#include <limits>

namespace nano {
namespace {

constexpr std::array kDtypes = {Dtype::kF32, Dtype::kF64, Dtype::kBf16, Dtype::kF16,
                                Dtype::kI32, Dtype::kU16, Dtype::kU32,  Dtype::kU8};
constexpr uint32_t kNotUtf8 = 0xFFFFFFFF;

// Reads the code point at `at` and advances `at`. Returns kNotUtf8 for invalid UTF-8, such as
// overlong forms and surrogates.
uint32_t NextCodePoint(std::string_view text, size_t& at) {
  const auto byte = [&](size_t index) { return static_cast<uint8_t>(text[index]); };
  const uint8_t lead = byte(at);
  if (lead < 0x80) return text[at++];
  const int following = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at <= static_cast<size_t>(following)) return kNotUtf8;
  uint32_t point = lead & (0x3F >> following);
  for (int i = 1; i <= following; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return kNotUtf8;
    point = point << 6 | (byte(at + i) & 0x3F);
  }
  constexpr uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[following] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return kNotUtf8;
  at += following + 1;
  return point;
}

}  // namespace

std::optional<uint64_t> Multiply(uint64_t a, uint64_t b) {
  if (b != 0 && a > std::numeric_limits<uint64_t>::max() / b) return std::nullopt;
  return a * b;
}

std::optional<uint64_t> Add(uint64_t a, uint64_t b) {
  if (a > std::numeric_limits<uint64_t>::max() - b) return std::nullopt;
  return a + b;
}

std::optional<Dtype> DtypeNamed(std::string_view name) {
  for (const Dtype dtype : kDtypes) {
    if (name == NameOf(dtype)) return dtype;
  }
  return std::nullopt;
}

Status CheckText(std::string_view text) {
  if (text.size() > kMaxNameBytes) {
    return {Code::kInvalidArgument, "a name of " + std::to_string(text.size()) + " bytes; at most " +
                                        std::to_string(kMaxNameBytes) + " are possible"};
  }
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const uint32_t point = NextCodePoint(text, at);
    if (point == kNotUtf8) {
      return {Code::kInvalidArgument, "a name is not valid UTF-8 (at its byte " + std::to_string(start) + ")"};
    }
    if (point < 0x20 || (point >= 0x7F && point < 0xA0)) {
      return {Code::kInvalidArgument, "a name holds a control character (code " + std::to_string(point) +
                                          ", at its byte " + std::to_string(start) + ")"};
    }
  }
  return Status::Ok();
}

Result<TensorSpec> MakeSpec(Dtype dtype, std::span<const uint64_t> dims) {
  if (dims.size() > kMaxRank) {
    return Status(Code::kInvalidArgument,
                  "a shape of rank " + std::to_string(dims.size()) + "; the highest is " + std::to_string(kMaxRank));
  }
  TensorSpec spec{.dtype = dtype, .shape = {}};
  spec.shape.rank = static_cast<int>(dims.size());
  std::optional<uint64_t> bytes = SizeOf(dtype);
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis] < 1 || dims[axis] > std::numeric_limits<uint32_t>::max()) {
      return Status(Code::kInvalidArgument, "dimension " + std::to_string(axis) + " is " + std::to_string(dims[axis]) +
                                                "; it must be between 1 and 4294967295");
    }
    spec.shape.dims[axis] = static_cast<int64_t>(dims[axis]);
    bytes = Multiply(*bytes, dims[axis]);
    // Every factor is at least 1, so a product that exceeds the limit can't fall below it again.
    if (!bytes || *bytes > kMaxBufferBytes) {
      return Status(Code::kInvalidArgument, "a tensor larger than " + std::to_string(kMaxBufferBytes) + " bytes");
    }
  }
  return spec;
}

}  // namespace nano
