// An owned byte buffer for transfers between JavaScript and a device. It is not zeroed, because the
// caller overwrites it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace nano {

class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(size_t size) : data_(size > 0 ? new std::byte[size] : nullptr), size_(size) {}
  Bytes(Bytes&& other) noexcept : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
  Bytes& operator=(Bytes&& other) noexcept {
    data_ = std::move(other.data_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  std::byte* data() const { return data_.get(); }
  size_t size() const { return size_; }
  void Shorten(size_t size) { size_ = size < size_ ? size : size_; }
  operator std::span<const std::byte>() const { return {data_.get(), size_}; }  // NOLINT: implicit on purpose

 private:
  std::unique_ptr<std::byte[]> data_;
  size_t size_ = 0;
};

}  // namespace nano
