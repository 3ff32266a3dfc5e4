#include "engine/store.h"

#include <utility>

#include "engine/limits.h"

namespace nano {
namespace {

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

std::string Quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

}  // namespace

Status Store::Allocate(std::string_view name, const TensorSpec& spec) {
  if (name.empty()) return Invalid("a tensor's name must not be empty");
  NANO_RETURN_IF_ERROR(CheckText(name));
  if (const auto it = tensors_.find(name); it != tensors_.end()) {
    return Invalid("tensor " + Quoted(name) + " exists already, as " + it->second.spec.ToString());
  }
  Result<std::shared_ptr<Memory>> memory = device_.Allocate(spec.bytes());
  if (!memory.ok()) return {memory.status().code(), "tensor " + Quoted(name) + ": " + memory.status().message()};
  tensors_.emplace(std::string(name), Tensor{spec, std::move(memory.value())});
  bytes_ += spec.bytes();
  return Status::Ok();
}

Status Store::Write(std::string_view name, std::span<const std::byte> bytes) {
  const Result<const Tensor*> tensor = Find(name);
  if (!tensor.ok()) return tensor.status();
  const TensorSpec& spec = tensor.value()->spec;
  if (bytes.size() != spec.bytes()) {
    return Invalid(std::to_string(bytes.size()) + " bytes written to tensor " + Quoted(name) + ", which is " +
                   spec.ToString() + ": " + std::to_string(spec.bytes()) + " bytes");
  }
  return device_.Upload(*tensor.value()->memory, bytes);
}

Result<Bytes> Store::Read(std::string_view name) const {
  const Result<const Tensor*> tensor = Find(name);
  if (!tensor.ok()) return tensor.status();
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
  bytes_ -= tensor.value()->spec.bytes();
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

Result<const Store::Tensor*> Store::Find(std::string_view name) const {
  const auto it = tensors_.find(name);
  if (it != tensors_.end()) return &it->second;
  return CheckText(name).ok() ? Invalid("there is no tensor " + Quoted(name))
                              : Invalid("there is no tensor of that name");
}

}  // namespace nano
