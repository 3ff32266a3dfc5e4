// Ops on many tensors. Each tensor is split into chunks, one per block. A launch takes the
// addresses of as many tensors as fit in its arguments, so that a hundred small tensors need few
// launches.
#pragma once

#include "cuda/kernels.h"
#include "cuda/rows.cuh"

namespace nano::cuda {

constexpr int kManyThreads = 256;
constexpr int64_t kManyChunk = 8192;  // elements

// Groups of kKinds tensors of the same size, such as a parameter and its gradient.
template <int kKinds>
struct Many {
  // A launch takes up to 4 KiB of arguments; the other arguments use the rest.
  static constexpr int kMost = 3840 / (8 * kKinds + 12);
  float* data[kKinds][kMost];
  int64_t elements[kMost];
  int32_t chunks[kMost];  // of this tensor and those before it
  int32_t count;
  int32_t before;  // tensors of each kind in earlier launches

  __device__ __forceinline__ int Find(int chunk) const {
    int low = 0, high = count - 1;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (chunk < chunks[middle]) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
};

// The chunk of a block: elements [begin, end) of tensor `index`.
struct Chunk {
  int index;
  int64_t begin, end;
};
template <int kKinds>
__device__ __forceinline__ Chunk ChunkOf(const Many<kKinds>& many) {
  const int chunk = static_cast<int>(blockIdx.x), index = many.Find(chunk);
  const int64_t begin = (chunk - (index > 0 ? many.chunks[index - 1] : 0)) * kManyChunk;
  const int64_t end = begin + kManyChunk, elements = many.elements[index];
  return {index, begin, end < elements ? end : elements};
}

inline int64_t ChunksOf(int64_t elements) { return DivideUp(elements, kManyChunk); }

// Calls launch(many, chunks, before) for as many of the `count` tensors at a time as fit. `before`
// is the number of chunks launched so far. first[kind] + i is the i-th tensor of a kind.
template <int kKinds, class Use>
Outcome ForMany(const gpu::Tensor* const (&first)[kKinds], size_t count, const Use& launch) {
  int64_t before = 0;
  for (size_t i = 0; i < count;) {
    Many<kKinds> many;
    many.before = static_cast<int32_t>(i);
    int64_t chunks = 0;
    for (many.count = 0; many.count < Many<kKinds>::kMost && i < count; ++many.count, ++i) {
      for (int kind = 0; kind < kKinds; ++kind) {
        many.data[kind][many.count] = static_cast<float*>(first[kind][i].data);
      }
      many.elements[many.count] = first[0][i].spec->elements();
      chunks += ChunksOf(many.elements[many.count]);
      many.chunks[many.count] = static_cast<int32_t>(chunks);
    }
    const Outcome outcome = launch(many, chunks, before);
    if (outcome != Outcome::kOk) return outcome;
    before += chunks;
  }
  return Outcome::kOk;
}

// Calls update(x) for every element, where x[kind] is the element of each kind, and stores the
// first kWritten values of x afterwards. Every thread calls update.Prepare() first, to read the
// values that all elements share. The op's outputs are `count` tensors of each of the first
// kWritten kinds; one with a value that is not finite is noted.
template <int kKinds, int kWritten, class Update>
__global__ void __launch_bounds__(kManyThreads)
    UpdateKernel(Control* control, const Many<kKinds> many, int64_t count, Update update) {
  if (Stopped(control)) return;
  const Chunk chunk = ChunkOf(many);
  int not_finite = 0;  // 1 + the last kind with a value that is not finite
  update.Prepare();
  for (int64_t i = chunk.begin + 4 * static_cast<int64_t>(threadIdx.x); i < chunk.end; i += 4 * kManyThreads) {
    Four fours[kKinds];
#pragma unroll
    for (int kind = 0; kind < kKinds; ++kind) fours[kind] = LoadFour(many.data[kind][chunk.index], i, chunk.end, 0);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      float x[kKinds];
#pragma unroll
      for (int kind = 0; kind < kKinds; ++kind) x[kind] = fours[kind].v[j];
      update(x);
#pragma unroll
      for (int kind = 0; kind < kWritten; ++kind) {
        fours[kind].v[j] = x[kind];
        if (x[kind] - x[kind] != 0 && i + j < chunk.end && kind >= not_finite) not_finite = kind + 1;
      }
    }
#pragma unroll
    for (int kind = 0; kind < kWritten; ++kind) StoreFour(many.data[kind][chunk.index], i, chunk.end, fours[kind]);
  }
  if (not_finite != 0) NoteNotFinite(control, (not_finite - 1) * count + many.before + chunk.index);
}

template <int kWritten, int kKinds, class Update>
Outcome UpdateMany(const Call& call, Message& message, const gpu::Tensor* const (&first)[kKinds], size_t count,
                   const Update& update) {
  const Outcome outcome = ForMany(first, count, [&](const Many<kKinds>& many, int64_t chunks, int64_t) {
    return Launch(call, message, {chunks, kManyThreads}, UpdateKernel<kKinds, kWritten, Update>, call.control, many,
                  static_cast<int64_t>(count), update);
  });
  return outcome == Outcome::kOk ? ReportNotFinite(call, message) : outcome;
}

}  // namespace nano::cuda
