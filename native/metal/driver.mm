// The GPU driver interface (gpu/driver.h) on Metal. Memory is shared with the host and has the same
// address on both sides, so a tensor's address identifies its buffer. Launches are collected in one
// command buffer, which is committed when the host waits for it, when it is long enough, or when
// the GPU is idle. So a small step has no command buffer of its own, and a large one has several.
#import <Foundation/Foundation.h>
#import <Metal/Metal.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/switch.h"
#include "metal/kernels.h"
#include "metal/module.h"
#include "metal/sources.h"

namespace nano::gpu {

// A point in the queue: the end of a command buffer. Its state is unknown until that buffer is
// committed.
struct Event {
  struct Queue* queue;
  bool timed;
  id<MTLCommandBuffer> buffer = nil;
  std::vector<id<MTLCommandBuffer>> pieces = {};  // if timed: since the last event, up to `buffer`
};

// A launch with everything it needs.
struct Command {
  id<MTLComputePipelineState> pipeline;
  const char* name;
  const void* control;
  std::vector<std::byte> arguments;
  std::vector<const void*> operands;
  metal::Grid grid;
  double seconds;  // estimated
};

struct Recording {
  std::vector<Command> commands;
};

struct Queue {
  id<MTLDevice> device = nil;
  id<MTLCommandQueue> commands = nil;
  id<MTLCommandBuffer> open = nil;  // not committed yet
  id<MTLComputeCommandEncoder> encoder = nil;
  size_t dispatches = 0;                              // in `open`
  double seconds = 0;                                 // their estimated time
  std::vector<id<MTLCommandBuffer>> pieces;           // committed since the last event
  std::deque<id<MTLCommandBuffer>> committed;         // whose outcome is not yet checked
  std::map<const std::byte*, id<MTLBuffer>> buffers;  // by address
  std::map<std::string, id<MTLLibrary>> libraries;    // by file
  std::map<std::string, id<MTLComputePipelineState>> pipelines;
  Recording* recording = nullptr;  // not null: launches are recorded instead
};

}  // namespace nano::gpu

namespace nano::metal {
namespace {

using gpu::Command;
using gpu::Description;
using gpu::Event;
using gpu::Queue;
using gpu::Recording;

constexpr size_t kFirstOperand = 2;
constexpr NSUInteger kSimdgroup = 32;  // threads
// The maximum number of dispatches in a command buffer that the host doesn't wait for. Encoding
// that many takes the host about as long as committing a buffer.
constexpr size_t kMostDispatches = 256;
// Published peaks of an M1 with 8 cores, the slowest supported GPU. A kernel that reaches less
// takes longer than estimated.
constexpr double kFlopsPerSecond = 2.6e12, kBytesPerSecond = 68e9;

double Mebibytes(uint64_t bytes) { return static_cast<double>(bytes) / (1024 * 1024); }

__attribute__((format(printf, 3, 4))) Outcome Say(Outcome outcome, Message& message, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message.text, sizeof(message.text), format, arguments);
  va_end(arguments);
  return outcome;
}

const char* TextOf(NSError* error) { return error == nil ? "no reason given" : error.localizedDescription.UTF8String; }

constexpr char kRemedy[] = "A smaller `batchSize` (with more `gradientAccumulationSteps`), a smaller `blockSize` or a "
                           "smaller model needs less";

// ---- Devices.
// The system's default device. If Metal reports none: the first built-in device that shares the
// host's memory, or else the first device.
id<MTLDevice> FindDevice() {
  id<MTLDevice> found = MTLCreateSystemDefaultDevice();
  if (found != nil) return found;
  NSArray<id<MTLDevice>>* all = MTLCopyAllDevices();
  for (NSUInteger i = 0; i < all.count; ++i) {
    id<MTLDevice> device = all[i];
    if (!device.removable && device.hasUnifiedMemory) return device;
    if (found == nil) found = device;
  }
  return found;
}

Outcome Count(int& devices, Message& message) {
  @autoreleasepool {
    devices = FindDevice() == nil ? 0 : 1;
    return devices == 1 ? Outcome::kOk : Say(Outcome::kOk, message, "Metal: there is no GPU");
  }
}

Outcome DescribeDevice(id<MTLDevice> device, Description& description, Message& message) {
  std::snprintf(description.name, sizeof(description.name), "%s", device.name.UTF8String);
  description.memory = device.recommendedMaxWorkingSetSize;
  if (@available(macOS 13.0, *)) {
    // Simdgroup matrices and simdgroups of 32 threads need an Apple7 GPU (M1) or later, and the
    // driver needs unified memory. The GPU of a virtual machine reports fewer features than it has,
    // so NANO_GPT_METAL=1 skips the check of the family.
    const bool claimed = SwitchOf("NANO_GPT_METAL") == true;
    if ((claimed || [device supportsFamily:MTLGPUFamilyApple7]) && device.hasUnifiedMemory) return Outcome::kOk;
    return Say(Outcome::kUnsupported, message, "Metal: %s can't be used: an Apple M1 or later is needed",
               description.name);
  }
  return Say(Outcome::kUnsupported, message, "Metal: macOS 13 or later is needed");
}

Outcome Describe(int, Description& description, Message& message) {
  @autoreleasepool {
    return DescribeDevice(FindDevice(), description, message);
  }
}

// ---- Command buffers.
void EndEncoding(Queue* queue) {
  [queue->encoder endEncoding];
  queue->encoder = nil;
}

void Commit(Queue* queue) {
  if (queue->open == nil) return;
  EndEncoding(queue);
  [queue->open commit];
  queue->pieces.push_back(queue->open);
  queue->committed.push_back(std::exchange(queue->open, nil));
  queue->dispatches = 0;
  queue->seconds = 0;
}

Outcome Lost(const char* said, Message& message) {
  return Say(
      Outcome::kLost, message,
      "Metal: the GPU has stopped answering: %s. This process may be unable to use it any more; a new one can try",
      said);
}

Outcome NoEncoder(Message& message) { return Lost("it takes no commands", message); }

Outcome OpenBuffer(Queue* queue, Message& message) {
  if (queue->open == nil) queue->open = [queue->commands commandBuffer];
  return queue->open == nil ? NoEncoder(message) : Outcome::kOk;
}

bool IsIdle(const Queue* queue) {
  return queue->committed.empty() || queue->committed.back().status >= MTLCommandBufferStatusCompleted;
}

Outcome OutcomeOf(id<MTLCommandBuffer> buffer, Message& message) {
  if (buffer == nil || buffer.status != MTLCommandBufferStatusError) return Outcome::kOk;
  if (buffer.error.code == MTLCommandBufferErrorOutOfMemory) {
    return Say(Outcome::kOutOfMemory, message, "out of memory on the GPU: %s. %s", TextOf(buffer.error), kRemedy);
  }
  return Lost(TextOf(buffer.error), message);
}

// The GPU continues after a command buffer fails, so each one is checked.
Outcome WaitFor(Queue* queue, id<MTLCommandBuffer> buffer, Message& message) {
  [buffer waitUntilCompleted];
  const auto end = std::find(queue->committed.begin(), queue->committed.end(), buffer);
  if (end == queue->committed.end()) return OutcomeOf(buffer, message);  // already checked
  Outcome outcome = Outcome::kOk;
  for (bool last = false; !last; queue->committed.pop_front()) {
    last = queue->committed.front() == buffer;
    if (outcome == Outcome::kOk) outcome = OutcomeOf(queue->committed.front(), message);
  }
  return outcome;
}

Outcome Finish(Queue* queue, Message& message) {
  @autoreleasepool {
    Commit(queue);
    return queue->committed.empty() ? Outcome::kOk : WaitFor(queue, queue->committed.back(), message);
  }
}

void Close(Queue* queue) {
  @autoreleasepool {
    Message message;
    static_cast<void>(Finish(queue, message));
    delete queue;
  }
}

// ---- Memory.
Outcome Allocate(Queue* queue, size_t bytes, void*& memory, Message& message) {
  @autoreleasepool {
    const uint64_t used = queue->device.currentAllocatedSize, most = queue->device.recommendedMaxWorkingSetSize;
    const char* const where = "out of memory on the GPU";
    if (bytes > queue->device.maxBufferLength) {
      return Say(Outcome::kOutOfMemory, message, "%s: %.1f MiB are needed in one piece, of which it gives %.1f. %s",
                 where, Mebibytes(bytes), Mebibytes(queue->device.maxBufferLength), kRemedy);
    }
    // Above this limit macOS would swap memory or end the process.
    id<MTLBuffer> buffer = nil;
    if (used + bytes <= most) {
      buffer = [queue->device newBufferWithLength:bytes options:MTLResourceStorageModeShared];
    }
    if (buffer == nil) {
      return Say(Outcome::kOutOfMemory, message,
                 "%s: %.1f MiB more are needed, and of the %.1f MiB that it should use %.1f are in use. %s", where,
                 Mebibytes(bytes), Mebibytes(most), Mebibytes(used), kRemedy);
    }
    memory = buffer.contents;
    queue->buffers[static_cast<const std::byte*>(memory)] = buffer;
    return Outcome::kOk;
  }
}

// Command buffers retain the buffers they use.
void Free(Queue* queue, void* memory) {
  @autoreleasepool {
    queue->buffers.erase(static_cast<const std::byte*>(memory));
  }
}

// The buffer that contains `data`, and the offset in it. Nil: no buffer contains it.
std::pair<id<MTLBuffer>, size_t> Locate(const Queue* queue, const void* data) {
  const auto* at = static_cast<const std::byte*>(data);
  const auto next = queue->buffers.upper_bound(at);
  if (next == queue->buffers.begin()) return {nil, 0};
  const auto& [begin, buffer] = *std::prev(next);
  const auto offset = static_cast<size_t>(at - begin);
  return offset < buffer.length ? std::pair{buffer, offset} : std::pair{id<MTLBuffer>(nil), size_t{0}};
}

// ---- Kernels.
// The first error line of the compiler's output.
std::string FirstError(const std::string& text) {
  const size_t error = std::min(text.find("error:"), text.size());
  const size_t begin = text.rfind('\n', error) + 1;  // npos + 1 is 0
  return text.substr(begin, text.find('\n', error) - begin);
}

id<MTLLibrary> Compile(Queue* queue, const char* file, Message& message) {
  const auto found = queue->libraries.find(file);
  if (found != queue->libraries.end()) return found->second;
  const Source* const source = std::find_if(kSources, kSources + kSourceCount,
                                            [&](const Source& it) { return std::strcmp(it.name, file) == 0; });
  MTLCompileOptions* options = [MTLCompileOptions new];
  // Fast math would break the error terms of double-float sums and the handling of NaN and
  // infinity.
  options.fastMathEnabled = NO;
  if (@available(macOS 14.0, *)) {
    options.languageVersion = MTLLanguageVersion3_1;  // bfloat
  } else if (@available(macOS 13.0, *)) {             // DescribeDevice() rejects older systems
    options.languageVersion = MTLLanguageVersion3_0;
  }
  NSError* error = nil;
  id<MTLLibrary> library = [queue->device newLibraryWithSource:[NSString stringWithUTF8String:source->text]
                                                       options:options
                                                         error:&error];
  if (library == nil) {
    const std::string said = FirstError(TextOf(error));
    Say(Outcome::kUnsupported, message, "Metal: %s.metal does not compile on this system: %s", file, said.c_str());
    return nil;
  }
  return queue->libraries[file] = library;
}

id<MTLComputePipelineState> Specialize(Queue* queue, const Function& function, const std::vector<uint32_t>& constants,
                                       Message& message) {
  std::string key = std::string(function.file) + ' ' + function.name;
  for (const uint32_t constant : constants) key += ' ' + std::to_string(constant);
  const auto found = queue->pipelines.find(key);
  if (found != queue->pipelines.end()) return found->second;
  id<MTLLibrary> library = Compile(queue, function.file, message);
  if (library == nil) return nil;
  MTLFunctionConstantValues* values = [MTLFunctionConstantValues new];
  for (size_t i = 0; i < constants.size(); ++i) {
    [values setConstantValue:&constants[i] type:MTLDataTypeUInt atIndex:i];
  }
  NSError* error = nil;
  id<MTLFunction> made = [library newFunctionWithName:[NSString stringWithUTF8String:function.name]
                                       constantValues:values
                                                error:&error];
  id<MTLComputePipelineState> pipeline =
      made == nil ? nil : [queue->device newComputePipelineStateWithFunction:made error:&error];
  if (pipeline == nil) {
    Say(Outcome::kUnsupported, message, "Metal: the kernel %s can't be had on this GPU: %s", function.name,
        TextOf(error));
    return nil;
  }
  if (pipeline.threadExecutionWidth != kSimdgroup) {
    Say(Outcome::kUnsupported, message, "Metal: this GPU's simdgroups are of %d threads, and %d are needed",
        static_cast<int>(pipeline.threadExecutionWidth), static_cast<int>(kSimdgroup));
    return nil;
  }
  return queue->pipelines[key] = pipeline;
}

// The system kills a command buffer that runs for seconds, and no window is redrawn meanwhile. So a
// long step is split.
Outcome Encode(Queue* queue, const Command& command, Message& message) {
  if (queue->dispatches > 0 && queue->seconds + command.seconds > most_seconds) Commit(queue);
  const Outcome outcome = OpenBuffer(queue, message);
  if (outcome != Outcome::kOk) return outcome;
  if (queue->encoder == nil) queue->encoder = [queue->open computeCommandEncoder];
  if (queue->encoder == nil) return NoEncoder(message);
  id<MTLComputeCommandEncoder> encoder = queue->encoder;
  [encoder setComputePipelineState:command.pipeline];
  const auto bind = [&](const void* data, NSUInteger index) {
    const auto [buffer, offset] = Locate(queue, data);
    [encoder setBuffer:buffer offset:offset atIndex:index];
    return buffer != nil;
  };
  bool bound = command.control == nullptr || bind(command.control, 0);
  [encoder setBytes:command.arguments.data() length:command.arguments.size() atIndex:1];
  for (size_t i = 0; i < command.operands.size(); ++i) bound = bind(command.operands[i], kFirstOperand + i) && bound;
  if (!bound) {
    return Say(Outcome::kUnsupported, message, "Metal: an operand of the kernel %s lies in none of the GPU's buffers",
               command.name);
  }
  const Grid& grid = command.grid;
  [encoder dispatchThreadgroups:MTLSizeMake(static_cast<NSUInteger>(grid.groups), static_cast<NSUInteger>(grid.across),
                                            static_cast<NSUInteger>(grid.deep))
          threadsPerThreadgroup:MTLSizeMake(static_cast<NSUInteger>(grid.threads), 1, 1)];
  ++queue->dispatches;
  queue->seconds += command.seconds;
  return Outcome::kOk;
}

Outcome Enqueue(Queue* queue, Command command, Message& message) {
  if (static_cast<NSUInteger>(command.grid.threads) > command.pipeline.maxTotalThreadsPerThreadgroup) {
    return Say(Outcome::kUnsupported, message, "Metal: the kernel %s takes %d threads, and this GPU runs only %d of it",
               command.name, command.grid.threads, static_cast<int>(command.pipeline.maxTotalThreadsPerThreadgroup));
  }
  if (queue->recording == nullptr) return Encode(queue, command, message);
  queue->recording->commands.push_back(std::move(command));
  return Outcome::kOk;
}

// A lower bound: arithmetic or memory traffic, whichever takes longer.
double SecondsFor(double flops, size_t bytes) {
  return std::max(flops / kFlopsPerSecond, static_cast<double>(bytes) / kBytesPerSecond);
}

id<MTLComputePipelineState> CopyPipeline(Queue* queue, Message& message) {
  return Specialize(queue, {"memory", "copy_words"}, {0}, message);
}

// `bytes` is a multiple of 4.
Outcome Copy(Queue* queue, void* to, const void* from, size_t bytes, Message& message) {
  @autoreleasepool {
    id<MTLComputePipelineState> pipeline = CopyPipeline(queue, message);
    if (pipeline == nil) return Outcome::kUnsupported;
    const auto words = static_cast<uint32_t>(bytes / sizeof(uint32_t));
    std::vector<std::byte> arguments(sizeof(words));
    std::memcpy(arguments.data(), &words, sizeof(words));
    return Enqueue(queue,
                   {pipeline,
                    "copy_words",
                    nullptr,
                    std::move(arguments),
                    {to, from},
                    {DivideUp(words, kElementThreads), kElementThreads},
                    SecondsFor(0, 2 * bytes)},
                   message);
  }
}

Outcome Open(int, Queue*& queue, Message& message) {
  @autoreleasepool {
    id<MTLDevice> device = FindDevice();
    if (device == nil) return Say(Outcome::kUnsupported, message, "Metal: there is no GPU");
    Description description;
    const Outcome suitable = DescribeDevice(device, description, message);
    if (suitable != Outcome::kOk) return suitable;
    id<MTLCommandQueue> commands = [device newCommandQueue];
    if (commands == nil) return Lost("it gives no command queue", message);
    auto made = std::make_unique<Queue>();
    made->device = device;
    made->commands = commands;
    // Every execution needs this kernel. Compiling it also shows whether the system's compiler
    // accepts our kernels.
    if (CopyPipeline(made.get(), message) == nil) return Outcome::kUnsupported;
    queue = made.release();
    return Outcome::kOk;
  }
}

// ---- Events.
Outcome MakeEvent(Queue* queue, bool timed, Event*& event, Message&) {
  event = new Event{queue, timed};
  return Outcome::kOk;
}

void FreeEvent(Event* event) {
  @autoreleasepool {
    delete event;
  }
}

// A timed event ends the command buffer, because Metal reports times only for whole command
// buffers.
Outcome Mark(Queue* queue, Event* event, Message& message) {
  @autoreleasepool {
    const Outcome outcome = OpenBuffer(queue, message);
    if (outcome != Outcome::kOk) return outcome;
    event->buffer = queue->open;
    if (event->timed || queue->dispatches >= kMostDispatches || IsIdle(queue)) Commit(queue);
    if (event->timed) event->pieces = std::move(queue->pieces);
    queue->pieces.clear();
    return Outcome::kOk;
  }
}

Outcome Wait(Event* event, Message& message) {
  @autoreleasepool {
    if (event->buffer == event->queue->open) Commit(event->queue);
    return WaitFor(event->queue, event->buffer, message);
  }
}

// For consecutive timed events. The command buffers between them are those of `to`; time in which
// two overlap is counted once.
Outcome Seconds(Event* from, Event* to, double& seconds, Message&) {
  @autoreleasepool {
    double end = from->buffer.GPUEndTime;
    seconds = 0;
    for (id<MTLCommandBuffer> piece : to->pieces) {
      seconds += std::max(0.0, piece.GPUEndTime - std::max(end, piece.GPUStartTime));
      end = std::max(end, piece.GPUEndTime);
    }
    return Outcome::kOk;
  }
}

// ---- Recordings.
Outcome Begin(Queue* queue, Message&) {
  queue->recording = new Recording;
  return Outcome::kOk;
}

Outcome End(Queue* queue, Recording*& recording, Message&) {
  recording = std::exchange(queue->recording, nullptr);
  return Outcome::kOk;
}

Outcome Replay(Queue* queue, Recording* recording, Message& message) {
  @autoreleasepool {
    for (const Command& command : recording->commands) {
      const Outcome outcome = Encode(queue, command, message);
      if (outcome != Outcome::kOk) return outcome;
    }
    return Outcome::kOk;
  }
}

void FreeRecording(Recording* recording) {
  @autoreleasepool {
    delete recording;
  }
}

}  // namespace

// A kernel that reaches half of the peaks takes twice this time on an M1: still well below the
// seconds after which the system kills a command buffer.
double most_seconds = 0.2;

Outcome LaunchBytes(const Call& call, Message& message, const Grid& grid, const Function& function, Constants constants,
                    const void* arguments, size_t bytes, Operands operands) {
  if (grid.groups * grid.across * grid.deep == 0) return Outcome::kOk;
  @autoreleasepool {
    std::vector<uint32_t> values = {0};
    std::vector<const void*> data;
    size_t moved = 0;
    for (const Operand& operand : operands) {
      moved += operand.bytes;
      const uint32_t dtype = operand.dtype == Dtype::kBf16 ? 1 : operand.dtype == Dtype::kF16 ? 2 : 0;
      if (dtype != 0) values[0] |= dtype << (2 * data.size());  // kDtypes has room for 16 operands
      data.push_back(operand.data);
    }
    values.insert(values.end(), constants.begin(), constants.end());
    id<MTLComputePipelineState> pipeline = Specialize(call.queue, function, values, message);
    if (pipeline == nil) return Outcome::kUnsupported;
    const auto* first = static_cast<const std::byte*>(arguments);
    return Enqueue(call.queue,
                   {pipeline,
                    function.name,
                    call.control,
                    {first, first + bytes},
                    std::move(data),
                    grid,
                    SecondsFor(grid.flops, moved)},
                   message);
  }
}

const gpu::Module& Module() {
  static const gpu::Module module = {
      .abi = gpu::kAbi,
      .kernels = kKernels,
      .kernel_count = std::size(kKernels),
      .most_elements = INT32_MAX,
      .count = Count,
      .describe = Describe,
      .open = Open,
      .close = Close,
      .allocate = Allocate,
      .free = Free,
      .allocate_host = Allocate,
      .free_host = Free,
      .upload = Copy,
      .download = Copy,
      .finish = Finish,
      .check_finite = CheckFinite,
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
  return module;
}

}  // namespace nano::metal
