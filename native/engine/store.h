// The named tensors of a session. They are zero-filled when allocated, and all Programs of the
// session share them.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backend.h"
#include "engine/bytes.h"
#include "engine/program.h"
#include "engine/status.h"

namespace nano {

class Store {
 public:
  explicit Store(Device& device) : device_(device) {}

  Status Allocate(std::string_view name, const TensorSpec& spec);
  Status Write(std::string_view name, std::span<const std::byte> bytes);
  // Writes the bytes from `at` on.
  Status WritePart(std::string_view name, std::span<const std::byte> bytes, uint64_t at);
  // A tensor with the contents of a file, from byte `offset` on. It can't be written.
  Status Map(std::string_view name, const TensorSpec& spec, const std::string& path, uint64_t offset);
  // Fails if a mapped file has become shorter. Reading beyond its end would end the process.
  Status CheckFiles() const;
  Result<Bytes> Read(std::string_view name) const;
  // Fails while a compiled Program is bound to the tensor.
  Status Free(std::string_view name);

  // The memory of each store buffer of `program`, and null for its other buffers. These tensors
  // can't be freed until Unbind().
  Result<std::vector<std::shared_ptr<Memory>>> Bind(const Program& program);
  void Unbind(const Program& program);

  size_t bytes() const { return bytes_; }

 private:
  struct Tensor {
    TensorSpec spec;
    std::shared_ptr<Memory> memory;
    bool read_only = false;
    std::shared_ptr<const MappedFile> file;  // whose mapping the memory is, or null
    int programs = 0;                        // compiled Programs bound to it
    size_t bytes() const { return file == nullptr ? spec.bytes() : 0; }
  };
  Result<const Tensor*> Find(std::string_view name) const;
  Status CheckNew(std::string_view name) const;
  Status Add(std::string_view name, Tensor tensor);

  Device& device_;
  std::map<std::string, Tensor, std::less<>> tensors_;
  size_t bytes_ = 0;
};

}  // namespace nano
