// Where temporaries and scratch lie in the arena. Two temporaries share bytes only if no op needs both. All ops'
// scratch is its first bytes, so that what a thread writes there and reads again stays in its cache from op to op.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/program.h"
#include "engine/status.h"

namespace nano {

constexpr size_t kAlignment = 64;  // of every offset, and of all memory that ops see

struct Plan {
  std::vector<size_t> buffers;  // the offset of each temporary; 0 for other buffers
  size_t bytes = 0;             // of the whole arena, scratch and all
};

// Best fit in order of first use: each temporary lives from the op that writes it to the last that reads it. `scratch`:
// bytes that the op with the most of it needs. The first output of an op that is elementwise (engine/rule.h) takes the
// place of an input of its size that nothing reads later. Takes n·log n for n buffers, whatever the Program, which
// keeps all rules.
Result<Plan> PlanArena(const Program& program, size_t scratch);

}  // namespace nano
