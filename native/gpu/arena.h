// Where temporaries and scratch lie: in the session's arena; under a sanitizer each in a block of its own, whose end it
// can see.
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
  // `scratch`: bytes, by op.
  Status Make(const SharedDriver& driver, const Program& program, const std::vector<size_t>& scratch);
  size_t bytes() const { return plan_.bytes; }
  // `arena` is the beginning of the session's.
  std::byte* Temporary(uint32_t index, std::byte* arena) const;
  std::byte* Scratch(size_t op, std::byte* arena) const;

 private:
  Status MakeSeparate(const SharedDriver& driver, const Program& program, const std::vector<size_t>& scratch);

  Plan plan_;
  std::vector<Block> separate_, separate_scratch_;
};

}  // namespace nano::gpu
