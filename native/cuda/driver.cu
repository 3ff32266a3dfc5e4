// The module's calls over CUDA's runtime, and the one function that it exports.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>
#include <new>

#include "cuda/check.cuh"
#include "cuda/kernel.cuh"
#include "cuda/table.cuh"
#include "gpu/driver.h"

namespace nano::gpu {

struct Event {
  cudaEvent_t event;
};
struct Recording {
  cudaGraphExec_t graph;
};

}  // namespace nano::gpu

namespace nano::cuda {
namespace {

using gpu::Description;
using gpu::Event;
using gpu::Queue;
using gpu::Recording;

// Compute capability 7.5 is what nvcc still builds for.
constexpr int kOldestMajor = 7, kOldestMinor = 5;

double Mebibytes(size_t bytes) { return static_cast<double>(bytes) / (1024 * 1024); }

Outcome Check(cudaError_t error, const char* what, Message& message) { return OutcomeOf(error, what, message); }

// `next` is called only if all went well before.
template <class Next>
Outcome Then(Outcome outcome, Next&& next) {
  return outcome == Outcome::kOk ? next() : outcome;
}

// A thread's calls concern the device that it has chosen last.
Outcome Choose(const Queue* queue, Message& message) {
  return Check(cudaSetDevice(queue->ordinal), "cudaSetDevice", message);
}

Outcome Count(int& devices, Message& message) {
  return Check(cudaGetDeviceCount(&devices), "cudaGetDeviceCount", message);
}

Outcome Describe(int ordinal, Description& description, Message& message) {
  cudaDeviceProp properties;
  const Outcome outcome = Check(cudaGetDeviceProperties(&properties, ordinal), "cudaGetDeviceProperties", message);
  if (outcome != Outcome::kOk) return outcome;
  std::snprintf(description.name, sizeof(description.name), "%s", properties.name);
  description.memory = properties.totalGlobalMem;
  if (properties.major > kOldestMajor || (properties.major == kOldestMajor && properties.minor >= kOldestMinor)) {
    return Outcome::kOk;
  }
  std::snprintf(message.text, sizeof(message.text), "%s has compute capability %d.%d; at least %d.%d is needed",
                properties.name, properties.major, properties.minor, kOldestMajor, kOldestMinor);
  return Outcome::kUnsupported;
}

// What is given back is so whatever fails on the way; these calls find the device by themselves. An error that they
// meet is an older one, which is known by now, and is not to be met again.
void Forget() { cudaGetLastError(); }

void Close(Queue* queue) {
  cudaStreamSynchronize(queue->stream);
  cudaStreamDestroy(queue->stream);
  Forget();
  delete queue;
}

Outcome Open(int ordinal, Queue*& queue, Message& message) {
  Description description;
  const Outcome suitable = Describe(ordinal, description, message);
  if (suitable != Outcome::kOk) return suitable;
  auto* made = new (std::nothrow) Queue{nullptr, ordinal, 1};
  if (made == nullptr) return Check(cudaErrorMemoryAllocation, "a queue", message);
  const Outcome outcome = Then(Choose(made, message), [&] {
    return Then(Check(cudaDeviceGetAttribute(&made->multiprocessors, cudaDevAttrMultiProcessorCount, ordinal),
                      "cudaDeviceGetAttribute", message),
                [&] {
                  return Check(cudaStreamCreateWithFlags(&made->stream, cudaStreamNonBlocking),
                               "cudaStreamCreateWithFlags", message);
                });
  });
  if (outcome == Outcome::kOk) {
    queue = made;
  } else {
    delete made;
  }
  return outcome;
}

Outcome Allocate(Queue* queue, size_t bytes, void*& memory, Message& message) {
  const Outcome outcome = Choose(queue, message);
  if (outcome != Outcome::kOk) return outcome;
  void* made = nullptr;
  const cudaError_t error = cudaMalloc(&made, bytes);
  if (error == cudaSuccess) memory = made;
  if (error != cudaErrorMemoryAllocation) return Check(error, "cudaMalloc", message);
  size_t free = 0, total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) free = total = 0;
  Forget();
  std::snprintf(
      message.text, sizeof(message.text),
      "out of memory on the GPU: %.1f MiB more are needed, %.1f of its %.1f MiB are free. A smaller batch (with more "
      "micro-batches), a shorter block or a smaller model needs less",
      Mebibytes(bytes), Mebibytes(free), Mebibytes(total));
  return Outcome::kOutOfMemory;
}

void Free(Queue* queue, void* memory) {
  cudaStreamSynchronize(queue->stream);
  cudaFree(memory);
  Forget();
}

Outcome AllocateHost(Queue* queue, size_t bytes, void*& memory, Message& message) {
  return Then(Choose(queue, message), [&] {
    void* made = nullptr;
    const Outcome outcome = Check(cudaMallocHost(&made, bytes), "cudaMallocHost", message);
    if (outcome == Outcome::kOk) memory = made;
    return outcome;
  });
}

void FreeHost(Queue* queue, void* memory) {
  cudaStreamSynchronize(queue->stream);
  cudaFreeHost(memory);
  Forget();
}

Outcome Upload(Queue* queue, void* to, const void* from, size_t bytes, Message& message) {
  return Then(Choose(queue, message), [&] {
    return Check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, queue->stream), "a copy to the GPU", message);
  });
}

Outcome Download(Queue* queue, void* to, const void* from, size_t bytes, Message& message) {
  return Then(Choose(queue, message), [&] {
    return Check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, queue->stream), "a copy from the GPU",
                 message);
  });
}

Outcome Zero(Queue* queue, void* to, size_t bytes, Message& message) {
  return Then(Choose(queue, message),
              [&] { return Check(cudaMemsetAsync(to, 0, bytes, queue->stream), "cudaMemsetAsync", message); });
}

Outcome MakeEvent(Queue* queue, Event*& event, Message& message) {
  return Then(Choose(queue, message), [&] {
    cudaEvent_t made = nullptr;
    const Outcome outcome = Check(cudaEventCreate(&made), "cudaEventCreate", message);
    if (outcome != Outcome::kOk) return outcome;
    event = new (std::nothrow) Event{made};
    if (event != nullptr) return Outcome::kOk;
    cudaEventDestroy(made);
    return Check(cudaErrorMemoryAllocation, "an event", message);
  });
}

void FreeEvent(Event* event) {
  cudaEventDestroy(event->event);
  Forget();
  delete event;
}

Outcome Mark(Queue* queue, Event* event, Message& message) {
  return Then(Choose(queue, message),
              [&] { return Check(cudaEventRecord(event->event, queue->stream), "cudaEventRecord", message); });
}

Outcome Wait(Event* event, Message& message) {
  return Check(cudaEventSynchronize(event->event), "the GPU's work", message);
}

Outcome Seconds(Event* from, Event* to, double& seconds, Message& message) {
  float ms = 0;
  const Outcome outcome = Check(cudaEventElapsedTime(&ms, from->event, to->event), "cudaEventElapsedTime", message);
  seconds = 1e-3 * static_cast<double>(ms);
  return outcome;
}

Outcome Begin(Queue* queue, Message& message) {
  return Then(Choose(queue, message), [&] {
    return Check(cudaStreamBeginCapture(queue->stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture",
                 message);
  });
}

Outcome End(Queue* queue, Recording*& recording, Message& message) {
  cudaGraph_t graph = nullptr;
  Outcome outcome = Check(cudaStreamEndCapture(queue->stream, &graph), "cudaStreamEndCapture", message);
  if (outcome != Outcome::kOk) return outcome;
  cudaGraphExec_t made = nullptr;
  outcome = Check(cudaGraphInstantiate(&made, graph, 0), "cudaGraphInstantiate", message);
  cudaGraphDestroy(graph);
  if (outcome != Outcome::kOk) return outcome;
  recording = new (std::nothrow) Recording{made};
  if (recording != nullptr) return Outcome::kOk;
  cudaGraphExecDestroy(made);
  return Check(cudaErrorMemoryAllocation, "a recording", message);
}

Outcome Replay(Queue* queue, Recording* recording, Message& message) {
  return Then(Choose(queue, message),
              [&] { return Check(cudaGraphLaunch(recording->graph, queue->stream), "cudaGraphLaunch", message); });
}

void FreeRecording(Recording* recording) {
  cudaGraphExecDestroy(recording->graph);
  Forget();
  delete recording;
}

}  // namespace

Outcome OutcomeOf(cudaError_t error, const char* what, Message& message) {
  if (error == cudaSuccess) return Outcome::kOk;
  cudaGetLastError();
  std::snprintf(message.text, sizeof(message.text), "CUDA: %s: %s (%s)", what, cudaGetErrorString(error),
                cudaGetErrorName(error));
  switch (error) {
    case cudaErrorMemoryAllocation:
      return Outcome::kOutOfMemory;
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorNoKernelImageForDevice:
      return Outcome::kUnsupported;
    default:
      return Outcome::kLost;
  }
}

}  // namespace nano::cuda

#if defined(_WIN32)
#define NANO_EXPORT extern "C" __declspec(dllexport)
#else
#define NANO_EXPORT extern "C" __attribute__((visibility("default")))
#endif

NANO_EXPORT const nano::gpu::Module* nano_gpt_cuda_module() {
  using namespace nano::cuda;  // NOLINT: one function, which lists what is in there
  static const nano::gpu::Module module = {nano::gpu::kAbi,
                                           Kernels(),
                                           KernelCount(),
                                           Count,
                                           Describe,
                                           Open,
                                           Close,
                                           Allocate,
                                           Free,
                                           AllocateHost,
                                           FreeHost,
                                           Upload,
                                           Download,
                                           Zero,
                                           nano::cuda::CheckFinite,
                                           MakeEvent,
                                           FreeEvent,
                                           Mark,
                                           Wait,
                                           Seconds,
                                           Begin,
                                           End,
                                           Replay,
                                           FreeRecording};
  return &module;
}
