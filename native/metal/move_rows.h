// Copies rows of floats.
#pragma once

#include "metal/kernel.h"

struct MoveRowsArguments {
  uint32_t n, width;  // in units: float4, or float if the row length is not a multiple of 4
};

#if defined(__METAL_VERSION__)

constant uint kInQuads [[function_constant(1)]];

// The rows that a copy reads and writes.
struct Way {
  uint source, target;
};

// Copies unit i, from row move(r).source of `from` to row move(r).target of `to`.
template <class Move>
inline void MoveUnit(constant MoveRowsArguments& arguments, uint i, device const float* from, device float* to,
                     Move move) {
  if (i >= arguments.n) return;
  const uint width = arguments.width, r = i / width, at = i - r * width;
  const Way way = move(r);
  if (kInQuads) {
    ((device float4*)to)[way.target * width + at] = ((device const float4*)from)[way.source * width + at];
  } else {
    to[way.target * width + at] = from[way.source * width + at];
  }
}

#else  // the host's part

namespace nano::metal {

// For kernels that call MoveUnit: InQuads is function constant 1, and ArgumentsOfMove gives their
// arguments' first member.
inline bool InQuads(int64_t columns) { return columns % kQuad == 0; }
inline MoveRowsArguments ArgumentsOfMove(int64_t rows, int64_t columns) {
  const int64_t width = InQuads(columns) ? columns / kQuad : columns;
  return {static_cast<uint32_t>(rows * width), static_cast<uint32_t>(width)};
}

}  // namespace nano::metal
#endif
