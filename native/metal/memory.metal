// Copies that an execution begins and ends with, in whole words.
#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

kernel void copy_words(constant uint& n [[buffer(1)]], device uint* to [[buffer(2)]],
                       device const uint* from [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  if (i < n) to[i] = from[i];
}

#endif
