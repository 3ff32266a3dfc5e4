// Helpers for ops on many tensors. The tensors are treated as one sequence of elements and split
// into chunks of equal size, so that a hundred small tensors make few tasks and a large one makes
// many.
#pragma once

#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {

// Calls body(tensor, begin, end) for the part of each tensor that lies in [first, last) of the
// sequence of all elements. [begin, end) are elements of that tensor.
template <class Body>
NANO_INLINE void ForPieces(std::span<const Tensor> tensors, int64_t first, int64_t last, const Body& body) {
  int64_t start = 0;
  for (size_t i = 0; i < tensors.size() && start < last; ++i) {
    const int64_t count = tensors[i].spec->elements();
    const int64_t begin = Larger(first - start, 0), end = Smaller(last - start, count);
    if (begin < end) body(i, begin, end);
    start += count;
  }
}

NANO_INLINE int64_t TotalElements(std::span<const Tensor> tensors) {
  int64_t total = 0;
  for (size_t i = 0; i < tensors.size(); ++i) total += tensors[i].spec->elements();
  return total;
}

}  // namespace nano::cpu::NANO_ISA
