// The module's functions, written with the CUDA runtime, and the one function that it exports.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>

#include "cuda/kernels.h"
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

// The oldest compute capability that current versions of nvcc build for: 7.5.
constexpr int kOldestMajor = 7, kOldestMinor = 5;

double Mebibytes(size_t bytes) { return static_cast<double>(bytes) / (1024 * 1024); }

// Reports how much memory is free and what to do. `wanted` says what failed for lack of memory.
Outcome OutOfMemory(const char* wanted, Message& message) {
  size_t free = 0, total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) free = total = 0;
  cudaGetLastError();
  std::snprintf(message.text, sizeof(message.text),
                "out of memory on the GPU: %s, %.1f of its %.1f MiB are free. A smaller `batchSize` (with more "
                "`gradientAccumulationSteps`), a smaller `blockSize` or a smaller model needs less",
                wanted, Mebibytes(free), Mebibytes(total));
  return Outcome::kOutOfMemory;
}

Outcome NoCode(const char* said, Message& message) {
  constexpr int kBuiltFor[] = {__CUDA_ARCH_LIST__};  // 800 is compute capability 8.0
  char built[128] = "";
  for (size_t i = 0, at = 0; i < std::size(kBuiltFor) && at < sizeof(built); ++i) {
    at += static_cast<size_t>(std::snprintf(built + at, sizeof(built) - at, "%s%d.%d", i == 0 ? "" : ", ",
                                            kBuiltFor[i] / 100, kBuiltFor[i] / 10 % 10));
  }
  std::snprintf(
      message.text, sizeof(message.text),
      "CUDA: this build of nano-gpt has no code for the GPU: %s. It was built for compute capability %s. A newer "
      "driver may do; else build it with NANO_GPT_CUDA_ARCHITECTURES=all",
      said, built);
  return Outcome::kUnsupported;
}

constexpr char kLostText[] =
    "CUDA: the GPU has stopped answering: %s. This process can't use it any more; a new one can try";

// Errors after which the process can no longer use the device.
bool IsLost(cudaError_t error) {
  switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

Outcome Check(cudaError_t error, const char* what, Message& message) { return OutcomeOf(error, what, message); }

// Calls `next` if `outcome` is kOk; otherwise returns `outcome`.
template <class Next>
Outcome Then(Outcome outcome, Next&& next) {
  return outcome == Outcome::kOk ? next() : outcome;
}

// CUDA applies a thread's calls to the device that the thread set last.
Outcome Choose(const Queue* queue, Message& message) {
  return Check(cudaSetDevice(queue->ordinal), "cudaSetDevice", message);
}

// Finding no device is not an error; the message then says what is missing.
Outcome Count(int& devices, Message& message) {
  devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaErrorNoDevice && error != cudaErrorInsufficientDriver) {
    return Check(error, "cudaGetDeviceCount", message);
  }
  cudaGetLastError();
  devices = 0;
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
  if (driver == 0) {
    std::snprintf(message.text, sizeof(message.text), "CUDA: there is no NVIDIA driver");
    return Outcome::kOk;
  }
  if (error == cudaErrorNoDevice) {
    const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
    std::snprintf(message.text, sizeof(message.text), "CUDA: there is no NVIDIA GPU%s%s",
                  visible == nullptr ? "" : " among CUDA_VISIBLE_DEVICES=", visible == nullptr ? "" : visible);
    return Outcome::kOk;
  }
  std::snprintf(message.text, sizeof(message.text),
                "CUDA: the NVIDIA driver is too old: it has CUDA %d.%d, and %d.%d is needed. Install a newer driver",
                driver / 1000, driver / 10 % 100, CUDART_VERSION / 1000, CUDART_VERSION / 10 % 100);
  return Outcome::kUnsupported;
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
  std::snprintf(message.text, sizeof(message.text), "CUDA: %s has compute capability %d.%d; at least %d.%d is needed",
                properties.name, properties.major, properties.minor, kOldestMajor, kOldestMinor);
  return Outcome::kUnsupported;
}

__global__ void AnyKernel() {}

// Checks that the module has code for the device. All kernels are built for the same architectures,
// so checking one is enough.
Outcome FindCode(Message& message) {
  cudaFuncAttributes attributes;
  return Check(cudaFuncGetAttributes(&attributes, AnyKernel), "cudaFuncGetAttributes", message);
}

// Clears the last error. Functions that release a resource always release it, and they need no
// cudaSetDevice. An error that they get comes from an earlier call, which has already reported it;
// it must not be reported again by the next call.
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
  Outcome outcome = Then(Choose(made, message), [&] { return FindCode(message); });
  outcome = Then(outcome, [&] {
    return Check(cudaDeviceGetAttribute(&made->multiprocessors, cudaDevAttrMultiProcessorCount, ordinal),
                 "cudaDeviceGetAttribute", message);
  });
  outcome = Then(outcome, [&] {
    return Check(cudaStreamCreateWithFlags(&made->stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags", message);
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
  char wanted[64];
  std::snprintf(wanted, sizeof(wanted), "%.1f MiB more are needed", Mebibytes(bytes));
  return OutOfMemory(wanted, message);
}

void Free(Queue* queue, void* memory) {
  cudaStreamSynchronize(queue->stream);
  cudaFree(memory);
  Forget();
}

Outcome AllocateHost(Queue* queue, size_t bytes, void*& memory, Message& message) {
  return Then(Choose(queue, message), [&] {
    void* made = nullptr;
    const cudaError_t error = cudaMallocHost(&made, bytes);
    if (error == cudaSuccess) memory = made;
    if (error != cudaErrorMemoryAllocation) return Check(error, "cudaMallocHost", message);
    Forget();
    std::snprintf(
        message.text, sizeof(message.text),
        "out of memory: CUDA can't have %.1f MiB of the computer's memory (not the GPU's) that are pinned for "
        "copies. End other programs, or raise the limit of locked memory",
        Mebibytes(bytes));
    return Outcome::kOutOfMemory;
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

Outcome MakeEvent(Queue* queue, bool timed, Event*& event, Message& message) {
  return Then(Choose(queue, message), [&] {
    cudaEvent_t made = nullptr;
    const unsigned flags = timed ? cudaEventDefault : cudaEventDisableTiming;
    const Outcome outcome = Check(cudaEventCreateWithFlags(&made, flags), "cudaEventCreateWithFlags", message);
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

// The first launch of a kernel loads its module, and only a relaxed capture allows that. That
// launch may be a captured one.
Outcome Begin(Queue* queue, Message& message) {
  return Then(Choose(queue, message), [&] {
    return Check(cudaStreamBeginCapture(queue->stream, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture",
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
  char said[256];
  std::snprintf(said, sizeof(said), "%s: %s (%s)", what, cudaGetErrorString(error), cudaGetErrorName(error));
  switch (error) {
    case cudaErrorMemoryAllocation:
      return OutOfMemory(said, message);
    case cudaErrorInvalidDeviceFunction:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorInvalidPtx:
    case cudaErrorJitCompilerNotFound:
    case cudaErrorUnsupportedPtxVersion:
      return NoCode(said, message);
    default:
      break;
  }
  std::snprintf(message.text, sizeof(message.text), IsLost(error) ? kLostText : "CUDA: %s", said);
  const bool unsupported = error == cudaErrorNoDevice || error == cudaErrorInvalidDevice ||
                           error == cudaErrorInsufficientDriver || error == cudaErrorDevicesUnavailable;
  return unsupported ? Outcome::kUnsupported : Outcome::kLost;
}

}  // namespace nano::cuda

#if defined(_WIN32)
#define NANO_EXPORT extern "C" __declspec(dllexport)
#else
#define NANO_EXPORT extern "C" __attribute__((visibility("default")))
#endif

NANO_EXPORT const nano::gpu::Module* nano_gpt_cuda_module() {
  using namespace nano::cuda;  // NOLINT: this function lists the functions of the namespace
  static const nano::gpu::Module module = {
      .abi = nano::gpu::kAbi,
      .kernels = kKernels,
      .kernel_count = std::size(kKernels),
      .most_elements = INT64_MAX,
      .count = Count,
      .describe = Describe,
      .open = Open,
      .close = Close,
      .allocate = Allocate,
      .free = Free,
      .allocate_host = AllocateHost,
      .free_host = FreeHost,
      .upload = Upload,
      .download = Download,
      .zero = Zero,
      .check_finite = nano::cuda::CheckFinite,
      .make_event = MakeEvent,
      .free_event = FreeEvent,
      .mark = Mark,
      .wait = Wait,
      .seconds = Seconds,
      .begin = Begin,
      .end = End,
      .replay = Replay,
      .free_recording = FreeRecording,
  };
  return &module;
}
