// Ops on many tensors. Each tensor is cut into chunks, and a threadgroup processes one chunk. A
// launch takes as many tensors as it has buffers for, so that a hundred small tensors need only a
// few launches.
#pragma once

#include "engine/inline.h"
#include "metal/kernel.h"

namespace nano {

// Operands of a launch that are tensors. 24 divides evenly among up to four kinds, such as
// parameters and gradients. With a few further operands, a launch stays within the 29 that a kernel
// can have.
NANO_CONSTANT uint32_t kManyOperands = 24;
NANO_CONSTANT uint32_t kManyThreads = 256;
NANO_CONSTANT uint32_t kManyChunk = 8192;  // elements

// The first kManyOperands / kinds operands are tensors of the first kind, the next ones of the
// second, and so on.
struct Many {
  uint32_t elements[kManyOperands];
  uint32_t element_bytes[kManyOperands];
  uint32_t chunks[kManyOperands];  // of this tensor and those before it
  uint32_t before;                 // chunks of earlier launches
  uint32_t first, count;           // tensors of each kind: those of earlier launches, and those of the op
};

}  // namespace nano

#if defined(__METAL_VERSION__)

// The parameters of a kernel that takes many tensors, and an array made from them.
#define NANO_MANY_PARAMETERS                                                                                         \
  device float *data0 [[buffer(2)]], device float *data1 [[buffer(3)]], device float *data2 [[buffer(4)]],           \
      device float *data3 [[buffer(5)]], device float *data4 [[buffer(6)]], device float *data5 [[buffer(7)]],       \
      device float *data6 [[buffer(8)]], device float *data7 [[buffer(9)]], device float *data8 [[buffer(10)]],      \
      device float *data9 [[buffer(11)]], device float *data10 [[buffer(12)]], device float *data11 [[buffer(13)]],  \
      device float *data12 [[buffer(14)]], device float *data13 [[buffer(15)]], device float *data14 [[buffer(16)]], \
      device float *data15 [[buffer(17)]], device float *data16 [[buffer(18)]], device float *data17 [[buffer(19)]], \
      device float *data18 [[buffer(20)]], device float *data19 [[buffer(21)]], device float *data20 [[buffer(22)]], \
      device float *data21 [[buffer(23)]], device float *data22 [[buffer(24)]], device float *data23 [[buffer(25)]]
#define NANO_MANY_DATA                                                                                              \
  ManyData {                                                                                                        \
    {                                                                                                               \
      data0, data1, data2, data3, data4, data5, data6, data7, data8, data9, data10, data11, data12, data13, data14, \
          data15, data16, data17, data18, data19, data20, data21, data22, data23                                    \
    }                                                                                                               \
  }

struct ManyData {
  device float* at[kManyOperands];

  // A chain of selects: an array with a variable index would be placed in memory.
  device float* Get(uint number) const {
    device float* found = at[0];
#pragma unroll
    for (uint i = 1; i < kManyOperands; ++i) {
      if (i == number) found = at[i];
    }
    return found;
  }
};

// A threadgroup's chunk: elements [begin, end) of tensor `index`.
struct Chunk {
  uint index, begin, end;
};
inline Chunk ChunkOf(constant Many& many, uint group) {
  uint index = 0;
  while (many.chunks[index] <= group) ++index;
  Chunk chunk;
  chunk.index = index;
  chunk.begin = (group - (index > 0 ? many.chunks[index - 1] : 0u)) * kManyChunk;
  chunk.end = min(chunk.begin + kManyChunk, many.elements[index]);
  return chunk;
}

// Calls update(x) for every four elements, where x[kind] holds those of each kind, and stores the
// first kWritten kinds. These are the op's outputs; one with a value that is not finite is noted.
template <uint kKinds, uint kWritten, class Update>
inline void UpdateChunk(device Control& control, constant Many& many, ManyData data, uint group, uint thread_index,
                        Update update) {
  const Chunk chunk = ChunkOf(many, group);
  uint not_finite = 0;  // 1 + the last kind with a value that is not finite
  device float* at[kKinds];
#pragma unroll
  for (uint kind = 0; kind < kKinds; ++kind) at[kind] = data.Get(kind * (kManyOperands / kKinds) + chunk.index);
  for (uint i = chunk.begin + kQuad * thread_index; i < chunk.end; i += kQuad * kManyThreads) {
    float4 x[kKinds];
#pragma unroll
    for (uint kind = 0; kind < kKinds; ++kind) x[kind] = LoadQuad(FloatsIn(at[kind], false), i, chunk.end);
    update(x);
#pragma unroll
    for (uint kind = 0; kind < kWritten; ++kind) {
      StoreQuad(FloatsOut(at[kind], false), i, chunk.end, x[kind]);
      for (uint e = 0; e < kQuad; ++e) {
        if (i + e < chunk.end && !IsFinite(x[kind][e])) not_finite = max(not_finite, kind + 1);
      }
    }
  }
  if (not_finite != 0) NoteNotFinite(control, (not_finite - 1) * many.count + many.first + chunk.index);
}

#else  // the host's part
#include <algorithm>
#include <utility>

#include "metal/kernels.h"

namespace nano::metal {

inline uint32_t ChunksOf(int64_t elements) { return static_cast<uint32_t>(DivideUp(elements, kManyChunk)); }

// Launches a kernel for all chunks of `count` tensors, in as few launches as possible.
// first[kind][i] is the i-th tensor of a kind. `Arguments` has a member `many`. `more` becomes
// operands kManyOperands and up.
template <size_t kKinds, class Arguments, class... More>
Outcome LaunchMany(const Call& call, Message& message, const Function& function,
                   const gpu::Tensor* const (&first)[kKinds], size_t count, Arguments arguments, const More&... more) {
  constexpr size_t kMost = kManyOperands / kKinds;
  Many& many = arguments.many;
  many.before = 0;
  many.count = static_cast<uint32_t>(count);
  for (size_t done = 0; done < count; done += kMost) {
    const size_t these = std::min(kMost, count - done);
    many.first = static_cast<uint32_t>(done);
    const void* data[kManyOperands];
    size_t bytes[kManyOperands] = {};
    uint32_t chunks = 0;
    for (size_t k = 0; k < kMost; ++k) {
      // Every buffer must be bound: the last tensor fills the unused ones.
      const size_t tensor = done + std::min(k, these - 1);
      for (size_t kind = 0; kind < kKinds; ++kind) {
        data[kind * kMost + k] = first[kind][tensor].data;
        if (k < these) bytes[kind * kMost + k] = first[kind][tensor].spec->bytes();
      }
      const TensorSpec& spec = *first[0][tensor].spec;
      many.elements[k] = static_cast<uint32_t>(spec.elements());
      many.element_bytes[k] = static_cast<uint32_t>(SizeOf(spec.dtype));
      if (k < these) chunks += ChunksOf(spec.elements());
      many.chunks[k] = chunks;
    }
    const auto launch = [&]<size_t... kNumber>(std::index_sequence<kNumber...>) {
      return Launch(call, message, {chunks, static_cast<int>(kManyThreads)}, function, {}, arguments,
                    {Operand(data[kNumber], bytes[kNumber])..., Operand(more)...});
    };
    const Outcome outcome = launch(std::make_index_sequence<kManyOperands>());
    if (outcome != Outcome::kOk) return outcome;
    many.before += chunks;
  }
  return Outcome::kOk;
}

// LaunchMany for a kernel that calls UpdateChunk.
template <size_t kKinds, class Arguments, class... More>
Outcome UpdateMany(const Call& call, Message& message, const Function& function,
                   const gpu::Tensor* const (&first)[kKinds], size_t count, const Arguments& arguments,
                   const More&... more) {
  const Outcome outcome = LaunchMany(call, message, function, first, count, arguments, more...);
  return outcome == Outcome::kOk ? ReportNotFinite(call, message) : outcome;
}

}  // namespace nano::metal
#endif
