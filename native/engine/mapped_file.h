// A part of a file as read-only memory. The system reads its pages when they are first used, and
// may drop them again, so that a file can be larger than the machine's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/status.h"

namespace nano {

class MappedFile {
 public:
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  // `path` in UTF-8. Fails if it is not a regular file of at least offset + bytes bytes.
  static Result<std::shared_ptr<const MappedFile>> Open(const std::string& path, uint64_t offset, size_t bytes);

  std::span<const std::byte> bytes() const { return {base_ + skipped_, bytes_}; }
  // Fails if the file has become shorter: the system would end a process that reads behind its end.
  // Windows doesn't allow shortening a mapped file.
  Status Check() const;

 private:
  MappedFile() = default;

  std::byte* base_ = nullptr;
  size_t mapped_ = 0;   // bytes from base_ on
  size_t skipped_ = 0;  // mappings begin at a page
  size_t bytes_ = 0;
  uint64_t end_ = 0;  // the file's least size
#if defined(_WIN32)
  void* file_ = nullptr;
#else
  int file_ = -1;
#endif
};

}  // namespace nano
