// Copies rows of floats.
#pragma once

#include <type_traits>

#include "cuda/quads.cuh"

namespace nano::cuda {

template <class Unit, class Move>
__global__ void __launch_bounds__(kElementThreads)
    MoveKernel(const Control* control, int64_t n, int64_t width, const Unit* from, Unit* to, Move move) {
  if (Stopped(control)) return;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kElementThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kElementThreads + threadIdx.x; i < n; i += step) {
    const int64_t r = i / width, at = i - r * width;
    const auto [source, target] = move(r);
    to[target * width + at] = from[source * width + at];
  }
}

// The source and the target of a row. Both count rows of the copied width.
struct Way {
  int64_t source, target;
};

// For every r from 0 to rows − 1, copies `columns` floats from row move(r).source of `from` to row
// move(r).target of `to`.
template <class Move>
Outcome MoveRows(const Call& call, Message& message, int64_t rows, int64_t columns, const float* from, float* to,
                 Move move) {
  const auto launch = [&](auto* source, auto* target, int64_t width) {
    const int64_t n = rows * width;
    const int64_t blocks = DivideUp(n, kElementThreads), most = int64_t{16} * call.queue->multiprocessors;
    using Unit = std::remove_pointer_t<decltype(target)>;
    return Launch(call, message, {blocks < most ? blocks : most, kElementThreads}, MoveKernel<Unit, Move>, call.control,
                  n, width, source, target, move);
  };
  if (!InQuads(columns)) return launch(from, to, columns);
  return launch(reinterpret_cast<const float4*>(from), reinterpret_cast<float4*>(to), columns / kQuad);
}

}  // namespace nano::cuda
