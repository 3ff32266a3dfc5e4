// zero: sets any number of tensors of any dtype to 0.
#include "metal/many.h"

struct ZeroArguments {
  nano::Many many;
};

#if defined(__METAL_VERSION__)

// 16 bytes per thread. The last one clears what is left.
kernel void zero(device const Control& control [[buffer(0)]], constant ZeroArguments& arguments [[buffer(1)]],
                 NANO_MANY_PARAMETERS, uint group [[threadgroup_position_in_grid]],
                 uint thread_index [[thread_index_in_threadgroup]]) {
  if (Stopped(control)) return;
  const Chunk chunk = ChunkOf(arguments.many, group);
  const uint size = arguments.many.element_bytes[chunk.index], bytes = (chunk.end - chunk.begin) * size;
  device uchar* at = (device uchar*)NANO_MANY_DATA.Get(chunk.index) + ulong(chunk.begin) * size;
  for (uint i = 16 * thread_index; i < bytes; i += 16 * kManyThreads) {
    if (i + 16 <= bytes) {
      *(device uint4*)(at + i) = uint4(0);
    } else {
      for (uint k = i; k < bytes; ++k) at[k] = 0;
    }
  }
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunZero(const Call& call, Message& message) {
  const gpu::Tensor* const first[] = {call.outputs};
  return LaunchMany(call, message, {"zero", "zero"}, first, call.output_count, ZeroArguments{});
}

}  // namespace nano::metal
#endif
