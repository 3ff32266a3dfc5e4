// Copies at the beginning and end of an execution, in words of 4 bytes.
#include "metal/kernel.h"
#if defined(__METAL_VERSION__)

kernel void copy_words(constant uint& n [[buffer(1)]], device uint* to [[buffer(2)]],
                       device const uint* from [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  if (i < n) to[i] = from[i];
}

#endif
