// Reads little-endian values from untrusted or truncated bytes. Past the end, every value reads as
// 0 and ok() returns false.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace nano {

static_assert(std::endian::native == std::endian::little, "the wire form is read as it lies in memory");

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }

  template <class T>
  T Read() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    const std::span<const std::byte> raw = Take(sizeof(T));
    if (!raw.empty()) std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }

  // The next `count` bytes, without copying. Empty if fewer remain.
  std::span<const std::byte> Take(uint64_t count) {
    if (!ok_ || count > remaining()) {
      ok_ = false;
      return {};
    }
    const auto taken = bytes_.subspan(position_, static_cast<size_t>(count));
    position_ += static_cast<size_t>(count);
    return taken;
  }

  // Reads a u16 length, then that many bytes.
  std::string_view ReadText() {
    const std::span<const std::byte> raw = Take(Read<uint16_t>());
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }

 private:
  std::span<const std::byte> bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace nano
