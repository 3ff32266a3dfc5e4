// Orders a list by its keys: what has one key comes to lie together, in the list's order.
#pragma once

#include "metal/kernel.h"
#if !defined(__METAL_VERSION__)
namespace nano::metal {

// The list sorted: the keys, and where in the list each was.
struct Sorted {
  const int32_t* keys;
  const uint32_t* places;
};

// Keys are in [0, limit). `scratch`, aligned to 64 bytes, is as large as ScratchSort says and holds the result.
Outcome Sort(const Call& call, Message& message, const int32_t* keys, int64_t n, int64_t limit, void* scratch,
             Sorted& sorted);
size_t ScratchSort(int64_t n);  // bytes, a multiple of 64

}  // namespace nano::metal
#endif
