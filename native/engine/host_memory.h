// Blocks of the machine's memory: zero-filled, aligned to 64 bytes, refused rather than promised when there isn't
// enough.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "engine/status.h"

namespace nano {

class HostMemory {
 public:
  HostMemory() = default;
  HostMemory(HostMemory&& other) noexcept;
  HostMemory& operator=(HostMemory&& other) noexcept;
  ~HostMemory();

  // An error when the blocks of this process would together exceed the memory that it may use: with overcommitment the
  // system would hand out the addresses and kill the process later.
  static Result<HostMemory> Allocate(size_t bytes);

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  std::span<std::byte> span() const { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  void* block_ = nullptr;   // what the system gave
  size_t block_bytes_ = 0;  // how much of it; 0 when the C library keeps count
};

// Blocks that stay until the last of them goes, side by side in chunks: in huge pages, too, what is smaller than a huge
// page. A model's tensors are.
class HostArena {
 public:
  struct Block {
    std::span<std::byte> bytes;
    std::shared_ptr<const HostMemory> chunk;  // they are in, and others
  };
  Result<Block> Allocate(size_t bytes);

 private:
  std::shared_ptr<const HostMemory> chunk_;
  size_t used_ = 0;  // of the chunk
};

// The memory that this process may use: the machine's, or less in a container that limits it.
size_t UsableMemory();

}  // namespace nano
