// global_norm: the square root of the sum of all squares, in pairs of floats. Chunks are summed
// separately and added in a fixed order. Each is scaled by a power of 2 that brings its largest
// element near 1, because squares easily leave the range of a float.
#include "metal/double_float.h"
#include "metal/many.h"

struct GlobalNormArguments {
  nano::Many many;
};
struct GlobalNormRootArguments {
  uint32_t chunks;
};
// A chunk's sum of squares, each element divided by the scale. `largest` holds the bits of its
// largest magnitude. A value above an infinity's bits is a NaN.
struct ChunkSquares {
  DoubleFloat sum;
  uint32_t largest;
};

#if defined(__METAL_VERSION__)

constant constexpr uint kInfinityBits = 0x7F800000u;

// The exponent of the scale: that of the largest magnitude, limited so that the inverse is a normal
// float.
inline int ScaleOf(uint largest) { return min(int(largest >> 23), 253) - 127; }
inline float PowerOfTwo(int exponent) { return as_type<float>(uint(exponent + 127) << 23); }

// A threadgroup sums a chunk, which it holds in registers.
kernel void squares(device const Control& control [[buffer(0)]], constant GlobalNormArguments& arguments [[buffer(1)]],
                    NANO_MANY_PARAMETERS, device ChunkSquares* partial [[buffer(26)]],
                    uint group [[threadgroup_position_in_grid]], uint thread_index [[thread_index_in_threadgroup]],
                    uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
                    uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint room[kManyThreads / kSimd];
  threadgroup float2 room_of_pairs[kManyThreads / kSimd];
  if (Stopped(control)) return;
  const Threads threads = {lane, simdgroup, simdgroups};
  const Chunk chunk = ChunkOf(arguments.many, group);
  const FloatsIn x(NANO_MANY_DATA.Get(chunk.index), false);
  constexpr uint kHeld = kManyChunk / (kQuad * kManyThreads);
  float4 held[kHeld];
  uint4 most = uint4(0);
#pragma unroll
  for (uint k = 0; k < kHeld; ++k) {
    held[k] = LoadQuad(x, chunk.begin + kQuad * (k * kManyThreads + thread_index), chunk.end);
    most = max(most, as_type<uint4>(held[k]) & 0x7FFFFFFFu);
  }
  const uint largest = GroupMax(max(max(most.x, most.y), max(most.z, most.w)), room, threads);
  const float inverse = PowerOfTwo(-ScaleOf(largest));
  DoubleFloat sum = Pair(0.0f);
#pragma unroll
  for (uint k = 0; k < kHeld; ++k) {
    const float4 scaled = held[k] * inverse;
    for (uint j = 0; j < kQuad; ++j) sum = Add(sum, ExactProduct(scaled[j], scaled[j]));
  }
  sum = GroupSum(sum, room_of_pairs, threads);
  if (thread_index == 0) {
    device ChunkSquares& mine = partial[arguments.many.before + group];
    mine.sum = sum;
    mine.largest = largest;
  }
}

// One threadgroup adds the chunks' sums.
kernel void root(device const Control& control [[buffer(0)]], constant GlobalNormRootArguments& arguments [[buffer(1)]],
                 device float* norm [[buffer(2)]], device const ChunkSquares* partial [[buffer(3)]],
                 uint thread_index [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                 uint simdgroup [[simdgroup_index_in_threadgroup]], uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup uint room[kManyThreads / kSimd];
  threadgroup float2 room_of_pairs[kManyThreads / kSimd];
  if (Stopped(control)) return;
  const Threads threads = {lane, simdgroup, simdgroups};
  uint largest = 0;
  for (uint i = thread_index; i < arguments.chunks; i += kManyThreads) largest = max(largest, partial[i].largest);
  largest = GroupMax(largest, room, threads);
  if (largest >= kInfinityBits) {
    if (thread_index == 0) *norm = as_type<float>(largest);
    return;
  }
  const int scale = ScaleOf(largest);
  DoubleFloat sum = Pair(0.0f);
  for (uint i = thread_index; i < arguments.chunks; i += kManyThreads) {
    const int below = 2 * (ScaleOf(partial[i].largest) - scale);
    const DoubleFloat mine = partial[i].sum;
    // A smaller factor would not change the sum.
    if (below >= -126) sum = Add(sum, Multiply(mine, PowerOfTwo(below)));
  }
  sum = GroupSum(sum, room_of_pairs, threads);
  if (thread_index == 0) *norm = ldexp(Root(sum), scale);
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

size_t ScratchGlobalNorm(const OpView& op, const Params&) {
  size_t chunks = 0;
  for (const TensorSpec& x : op.inputs) chunks += ChunksOf(x.elements());
  return chunks * sizeof(ChunkSquares);
}

Outcome RunGlobalNorm(const Call& call, Message& message) {
  const gpu::Tensor* const first[] = {call.inputs};
  const Outcome outcome = LaunchMany(call, message, {"global_norm", "squares"}, first, call.input_count,
                                     GlobalNormArguments{}, call.scratch);
  if (outcome != Outcome::kOk) return outcome;
  GlobalNormRootArguments arguments = {0};
  for (size_t i = 0; i < call.input_count; ++i) arguments.chunks += ChunksOf(InputShape(call, i).elements());
  return Launch(call, message, {1, static_cast<int>(kManyThreads)}, {"global_norm", "root"}, {}, arguments,
                {call.outputs[0], call.scratch});
}

}  // namespace nano::metal
#endif
