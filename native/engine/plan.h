// Plans where temporaries and scratch memory lie in the arena. Two temporaries share bytes only if
// no op needs both. The scratch memory of all ops is the first part of the arena, so that a
// thread's scratch stays in its cache from op to op.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/program.h"
#include "engine/status.h"

namespace nano {

constexpr size_t kAlignment = 64;  // of every offset, and of all memory that ops use, in bytes

struct Plan {
  std::vector<size_t> buffers;  // the offset of each temporary; 0 for other buffers
  size_t bytes = 0;             // size of the arena, including scratch
};

// Places temporaries by best fit, in order of first use. A temporary lives from the op that writes
// it to the last op that reads it. `scratch` is the largest scratch size of any op, in bytes. The
// first output of an elementwise op (engine/rule.h) takes the place of an input of the same size
// that no later op reads. Takes O(n log n) time for n buffers. The Program must be valid.
Result<Plan> PlanArena(const Program& program, size_t scratch);

}  // namespace nano
