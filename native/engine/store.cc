#include "engine/store.h"

#include <algorithm>
#include <utility>

#include "engine/limits.h"

namespace nano {
namespace {

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

bool Writes(const Program& program, size_t buffer) {
  return std::any_of(program.ops.begin(), program.ops.end(), [&](const Op& op) {
    return std::find(op.outputs.begin(), op.outputs.end(), buffer) != op.outputs.end();
  });
}

std::string Quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

Status About(std::string_view name, const Status& status) {
  return {status.code(), "tensor " + Quoted(name) + ": " + status.message()};
}

}  // namespace

Status Store::Allocate(std::string_view name, const TensorSpec& spec) {
  NANO_RETURN_IF_ERROR(CheckNew(name));
  Result<std::shared_ptr<Memory>> memory = device_.Allocate(spec.bytes());
  if (!memory.ok()) return About(name, memory.status());
  return Add(name, {.spec = spec, .memory = std::move(memory.value()), .file = nullptr});
}

Status Store::Map(std::string_view name, const TensorSpec& spec, const std::string& path, uint64_t offset) {
  NANO_RETURN_IF_ERROR(CheckNew(name));
  if (offset % SizeOf(spec.dtype) != 0) {
    return Invalid("tensor " + Quoted(name) + " begins at byte " + std::to_string(offset) +
                   " of its file; it must be a multiple of the " + std::to_string(SizeOf(spec.dtype)) +
                   " bytes of an element");
  }
  Result<std::shared_ptr<const MappedFile>> opened = MappedFile::Open(path, offset, spec.bytes());
  if (!opened.ok()) return About(name, opened.status());
  std::shared_ptr<const MappedFile>& file = opened.value();
  if (std::shared_ptr<Memory> mapped = device_.Map(file)) {
    return Add(name, {.spec = spec, .memory = std::move(mapped), .read_only = true, .file = std::move(file)});
  }
  Result<std::shared_ptr<Memory>> copy = device_.Allocate(spec.bytes());
  if (!copy.ok()) return About(name, copy.status());
  NANO_RETURN_IF_ERROR(device_.Upload(*copy.value(), file->bytes(), 0));
  return Add(name, {.spec = spec, .memory = std::move(copy.value()), .read_only = true, .file = nullptr});
}

Status Store::CheckNew(std::string_view name) const {
  if (name.empty()) return Invalid("a tensor's name must not be empty");
  NANO_RETURN_IF_ERROR(CheckText(name));
  const auto it = tensors_.find(name);
  if (it == tensors_.end()) return Status::Ok();
  return Invalid("tensor " + Quoted(name) + " exists already, as " + it->second.spec.ToString());
}

Status Store::Add(std::string_view name, Tensor tensor) {
  const size_t bytes = tensor.bytes();
  tensors_.emplace(std::string(name), std::move(tensor));
  bytes_ += bytes;
  return Status::Ok();
}

Status Store::Write(std::string_view name, std::span<const std::byte> bytes) {
  const Result<const Tensor*> tensor = Find(name);
  if (!tensor.ok()) return tensor.status();
  const TensorSpec& spec = tensor.value()->spec;
  if (tensor.value()->read_only) return Invalid("tensor " + Quoted(name) + " is a file, which can't be written");
  if (bytes.size() != spec.bytes()) {
    return Invalid(std::to_string(bytes.size()) + " bytes written to tensor " + Quoted(name) + ", which is " +
                   spec.ToString() + ": " + std::to_string(spec.bytes()) + " bytes");
  }
  return device_.Upload(*tensor.value()->memory, bytes, 0);
}

Status Store::WritePart(std::string_view name, std::span<const std::byte> bytes, uint64_t at) {
  const Result<const Tensor*> tensor = Find(name);
  if (!tensor.ok()) return tensor.status();
  const TensorSpec& spec = tensor.value()->spec;
  if (tensor.value()->read_only) return Invalid("tensor " + Quoted(name) + " is a file, which can't be written");
  if (at > spec.bytes() || bytes.size() > spec.bytes() - at) {
    return Invalid(std::to_string(bytes.size()) + " bytes written to tensor " + Quoted(name) + " from byte " +
                   std::to_string(at) + " on, which is " + spec.ToString() + ": " + std::to_string(spec.bytes()) +
                   " bytes");
  }
  return device_.Upload(*tensor.value()->memory, bytes, static_cast<size_t>(at));
}

Result<Bytes> Store::Read(std::string_view name) const {
  const Result<const Tensor*> tensor = Find(name);
  if (!tensor.ok()) return tensor.status();
  if (tensor.value()->file != nullptr) {
    const Status status = tensor.value()->file->Check();
    if (!status.ok()) return About(name, status);
  }
  Bytes bytes(tensor.value()->spec.bytes());
  NANO_RETURN_IF_ERROR(device_.Download(*tensor.value()->memory, {bytes.data(), bytes.size()}));
  return bytes;
}

Status Store::Free(std::string_view name) {
  const Result<const Tensor*> tensor = Find(name);
  if (!tensor.ok()) return tensor.status();
  if (tensor.value()->programs > 0) {
    return Invalid("tensor " + Quoted(name) + " is used by " + std::to_string(tensor.value()->programs) +
                   " compiled program(s); release them first");
  }
  bytes_ -= tensor.value()->bytes();
  tensors_.erase(tensors_.find(name));
  return Status::Ok();
}

Result<std::vector<std::shared_ptr<Memory>>> Store::Bind(const Program& program) {
  std::vector<std::shared_ptr<Memory>> bound(program.buffers.size());
  for (size_t index = 0; index < program.buffers.size(); ++index) {
    const Buffer& buffer = program.buffers[index];
    if (buffer.role != Role::kStore) continue;
    const auto it = tensors_.find(buffer.name);
    const std::string wish =
        "program " + Quoted(program.name) + " uses tensor " + Quoted(buffer.name) + " as " + buffer.spec.ToString();
    if (it == tensors_.end()) return Invalid(wish + "; no tensor of that name is allocated");
    if (!(it->second.spec == buffer.spec)) return Invalid(wish + "; it is " + it->second.spec.ToString());
    if (it->second.read_only && Writes(program, index)) {
      return Invalid(wish + " and writes it; it is a file, which can't be written");
    }
    bound[index] = it->second.memory;
  }
  for (const Buffer& buffer : program.buffers) {
    if (buffer.role == Role::kStore) ++tensors_.find(buffer.name)->second.programs;
  }
  return bound;
}

void Store::Unbind(const Program& program) {
  for (const Buffer& buffer : program.buffers) {
    if (buffer.role == Role::kStore) --tensors_.find(buffer.name)->second.programs;
  }
}

Status Store::CheckFiles() const {
  for (const auto& [name, tensor] : tensors_) {
    if (tensor.file == nullptr) continue;
    const Status status = tensor.file->Check();
    if (!status.ok()) return About(name, status);
  }
  return Status::Ok();
}

Result<const Store::Tensor*> Store::Find(std::string_view name) const {
  const auto it = tensors_.find(name);
  if (it != tensors_.end()) return &it->second;
  return CheckText(name).ok() ? Invalid("there is no tensor " + Quoted(name))
                              : Invalid("there is no tensor of that name");
}

}  // namespace nano
