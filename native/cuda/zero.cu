// zero: sets any number of tensors to 0.
#include "cuda/kernels.h"

namespace nano::cuda {
namespace {

constexpr int kThreads = 256, kMost = 128;
constexpr int64_t kUnit = sizeof(uint4), kChunk = 16 * kThreads * kUnit;

// The tensors of one launch, whose chunks are numbered in order. It must fit in the 4 KiB of kernel
// arguments.
struct Batch {
  unsigned char* data[kMost];
  int64_t bytes[kMost];
  int64_t end[kMost];  // the number of chunks of this tensor and those before it
};

// A block zeroes one chunk, 16 bytes per thread at a time.
__global__ void __launch_bounds__(kThreads) ZeroKernel(const Control* control, Batch batch) {
  if (Stopped(control)) return;
  const int64_t chunk = blockIdx.x;
  int tensor = 0;  // the first tensor that ends after the chunk
#pragma unroll
  for (int step = kMost / 2; step > 0; step /= 2) {
    if (batch.end[tensor + step - 1] <= chunk) tensor += step;
  }
  unsigned char* const data = batch.data[tensor];
  const int64_t first = (chunk - (tensor > 0 ? batch.end[tensor - 1] : 0)) * kChunk, bytes = batch.bytes[tensor];
  const int64_t last = first + kChunk < bytes ? first + kChunk : bytes;
  for (int64_t i = first + threadIdx.x * kUnit; i < last; i += kThreads * kUnit) {
    if (i + kUnit <= last) {
      *reinterpret_cast<uint4*>(data + i) = uint4{};
    } else {
      for (int64_t at = i; at < last; ++at) data[at] = 0;
    }
  }
}

}  // namespace

Outcome RunZero(const Call& call, Message& message) {
  for (size_t first = 0; first < call.output_count; first += kMost) {
    const size_t left = call.output_count - first;
    const int count = left < kMost ? static_cast<int>(left) : kMost;
    Batch batch{};
    int64_t chunks = 0;
    for (int i = 0; i < count; ++i) {
      const size_t output = first + static_cast<size_t>(i);
      batch.data[i] = Output<unsigned char>(call, output);
      batch.bytes[i] = static_cast<int64_t>(call.outputs[output].spec->bytes());
      chunks += DivideUp(batch.bytes[i], kChunk);
      batch.end[i] = chunks;
    }
    for (int i = count; i < kMost; ++i) batch.end[i] = chunks;
    const Outcome outcome = Launch(call, message, {chunks, kThreads}, ZeroKernel, call.control, batch);
    if (outcome != Outcome::kOk) return outcome;
  }
  return Outcome::kOk;
}

}  // namespace nano::cuda
