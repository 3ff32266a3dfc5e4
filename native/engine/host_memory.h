// Blocks of host memory: zero-filled and aligned to 64 bytes. An allocation that exceeds the memory
// available to the process fails at once.
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

  // Fails if the blocks of this process would exceed UsableMemory() in total. With overcommitment
  // the system would otherwise hand out the addresses and kill the process later.
  static Result<HostMemory> Allocate(size_t bytes);

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  std::span<std::byte> span() const { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  void* block_ = nullptr;   // the system's allocation
  size_t block_bytes_ = 0;  // its size; 0 if the C library allocated it
};

// Places small blocks side by side in large chunks, so that tensors smaller than a huge page also
// lie in huge pages. A chunk is freed with the last of its blocks.
//
// Only one thread at a time may use an arena or free its blocks.
class HostArena {
 public:
  struct Block {
    std::span<std::byte> bytes;
    std::shared_ptr<const HostMemory> chunk;  // keeps `bytes` alive; shared with other blocks
  };
  Result<Block> Allocate(size_t bytes);
  // All chunks that are not freed, in bytes.
  size_t bytes() const { return *bytes_; }

 private:
  Result<std::shared_ptr<const HostMemory>> NewChunk(size_t bytes);

  struct Open {
    std::shared_ptr<const HostMemory> chunk;
    size_t used = 0;  // bytes
  };
  // The newest two chunks, the older one first. When a large block has no room in it, smaller ones
  // still do. So tensors of half a chunk with small ones between them don't waste the other half.
  Open open_[2];
  std::shared_ptr<size_t> bytes_ = std::make_shared<size_t>(0);  // outlived by blocks
};

// The memory available to this process in bytes: the machine's memory, or the container's limit if
// that is lower.
size_t UsableMemory();

}  // namespace nano
