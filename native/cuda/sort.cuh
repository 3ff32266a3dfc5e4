// A stable sort of a list by its keys.
#pragma once

#include "cuda/kernel.cuh"

namespace nano::cuda {

// The sorted list: its keys, and the original index of each.
struct Sorted {
  const int32_t* keys;
  const int64_t* places;
};

// Keys are in [0, limit). `scratch` has ScratchSort(n) bytes, aligned to 64, and holds the result.
Outcome Sort(const Call& call, Message& message, const int32_t* keys, int64_t n, int64_t limit, void* scratch,
             Sorted& sorted);
size_t ScratchSort(int64_t n);  // bytes, a multiple of 64

}  // namespace nano::cuda
