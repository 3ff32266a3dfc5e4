// Temporaries and scratch memory lie in the session's arena. Under a sanitizer, each has its own
// block, so that the sanitizer detects accesses past its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/plan.h"
#include "engine/program.h"
#include "gpu/handles.h"

namespace nano::gpu {

class Arena {
 public:
  // `scratch`: the scratch size of each op in bytes.
  Status Make(const SharedDriver& driver, const Program& program, const std::vector<size_t>& scratch);
  size_t bytes() const { return plan_.bytes; }
  // `arena` is the start of the session's arena.
  std::byte* Temporary(uint32_t index, std::byte* arena) const;
  std::byte* Scratch(size_t op, std::byte* arena) const;

 private:
  Status MakeSeparate(const SharedDriver& driver, const Program& program, const std::vector<size_t>& scratch);

  Plan plan_;
  std::vector<Block> separate_, separate_scratch_;
};

}  // namespace nano::gpu
