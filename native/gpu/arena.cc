// Allocates a Program's temporaries and scratch memory on a GPU.
#include "gpu/arena.h"

#include <algorithm>

#include "engine/sanitizer.h"

namespace nano::gpu {

Status Arena::Make(const SharedDriver& driver, const Program& program, const std::vector<size_t>& scratch) {
  const size_t most = scratch.empty() ? 0 : *std::max_element(scratch.begin(), scratch.end());
  Result<Plan> plan = PlanArena(program, most);
  if (!plan.ok()) return plan.status();
  plan_ = std::move(plan.value());
  return kSanitizing ? MakeSeparate(driver, program, scratch) : Status::Ok();
}

Status Arena::MakeSeparate(const SharedDriver& driver, const Program& program, const std::vector<size_t>& scratch) {
  const auto make = [&](size_t bytes, Block& to) -> Status {
    Result<Block> block = Block::OnDevice(driver, bytes);
    if (!block.ok()) return block.status();
    to = std::move(block.value());
    return Status::Ok();
  };
  separate_.resize(program.buffers.size());
  separate_scratch_.resize(scratch.size());
  for (size_t index = 0; index < separate_.size(); ++index) {
    const Buffer& buffer = program.buffers[index];
    if (buffer.role == Role::kTemporary) NANO_RETURN_IF_ERROR(make(buffer.spec.bytes(), separate_[index]));
  }
  for (size_t op = 0; op < scratch.size(); ++op) NANO_RETURN_IF_ERROR(make(scratch[op], separate_scratch_[op]));
  return Status::Ok();
}

std::byte* Arena::Temporary(uint32_t index, std::byte* arena) const {
  return kSanitizing ? separate_[index].data() : arena + plan_.buffers[index];
}

std::byte* Arena::Scratch(size_t op, std::byte* arena) const {
  return kSanitizing ? separate_scratch_[op].data() : arena;
}

}  // namespace nano::gpu
