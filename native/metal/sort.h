// A stable sort by key: elements with the same key become adjacent and keep their order.
#pragma once

#include "metal/kernel.h"
#if !defined(__METAL_VERSION__)
namespace nano::metal {

// The sorted list: its keys, and the index that each element had in the input.
struct Sorted {
  const int32_t* keys;
  const uint32_t* places;
};

// Keys are in [0, limit). `scratch` is aligned to 64 bytes, has ScratchSort(n) bytes, and holds the
// result.
Outcome Sort(const Call& call, Message& message, const int32_t* keys, int64_t n, int64_t limit, void* scratch,
             Sorted& sorted);
size_t ScratchSort(int64_t n);  // bytes, a multiple of 64

}  // namespace nano::metal
#endif
