// What a GPU's module offers: a dozen calls and a table of kernels. Plain data and plain functions, so that the module
// can be a library of its own, opened at run time; both sides are built from the same headers (`kAbi` says so).
//
// Everything that is "enqueued" happens in the order of the calls, after they have returned.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/rule.h"
#include "gpu/control.h"

namespace nano::gpu {

enum class Outcome : int32_t {
  kOk,
  kOutOfMemory,
  kUnsupported,  // this device or this driver can't
  kLost,         // the device doesn't answer any more, or a kernel has crashed
};

// What went wrong, where the outcome isn't kOk.
struct Message {
  char text[496] = "";
};

// A device's memory as kernels see it.
struct Tensor {
  void* data;
  const TensorSpec* spec;
};

// One execution of one op, to be enqueued. Data is aligned to 64 bytes, as is the scratch.
struct Call {
  const Tensor* inputs;
  const Tensor* outputs;
  size_t input_count, output_count;
  const Params* params;
  Precision precision;  // of the Program
  void* scratch;
  Control* control;
  uint32_t op;
  struct Queue* queue;
};

struct Kernel {
  const char* name;
  // Looks at no contents, only at sizes: what it enqueues is recorded once and replayed.
  Outcome (*run)(const Call& call, Message& message);
  // Bytes of scratch. Null: none.
  size_t (*scratch)(const OpView& op, const Params& params) = nullptr;
};

struct Description {
  char name[256] = "";
  size_t memory = 0;  // bytes, in all
};

struct Event;      // a moment in the queue
struct Recording;  // of what was enqueued, to be enqueued again at once

struct Module {
  uint64_t abi;
  const Kernel* kernels;
  size_t kernel_count;
  int64_t most_elements;  // that a tensor may have
  Outcome (*count)(int& devices, Message& message);
  Outcome (*describe)(int ordinal, Description& description, Message& message);
  // A queue is used by one thread at a time.
  Outcome (*open)(int ordinal, Queue*& queue, Message& message);
  void (*close)(Queue* queue);  // after what is enqueued
  // Device memory, whatever it holds; freed after what is enqueued.
  Outcome (*allocate)(Queue* queue, size_t bytes, void*& memory, Message& message);
  void (*free)(Queue* queue, void* memory);
  // Host memory that copies go to and come from while the host does something else.
  Outcome (*allocate_host)(Queue* queue, size_t bytes, void*& memory, Message& message);
  void (*free_host)(Queue* queue, void* memory);
  // Enqueued. The host's memory is of allocate_host().
  Outcome (*upload)(Queue* queue, void* to, const void* from, size_t bytes, Message& message);
  Outcome (*download)(Queue* queue, void* to, const void* from, size_t bytes, Message& message);
  Outcome (*zero)(Queue* queue, void* to, size_t bytes, Message& message) = nullptr;
  // Where the host sees the device's memory: waits until it may touch that, so that nothing needs to be copied there or
  // back, nor zeroed. Null where it doesn't.
  Outcome (*finish)(Queue* queue, Message& message) = nullptr;
  // The number of a float's first element that is not finite becomes the control's error.
  Outcome (*check_finite)(const Call& call, size_t output, Message& message);
  // `timed`: seconds() may be asked of it.
  Outcome (*make_event)(Queue* queue, bool timed, Event*& event, Message& message);
  void (*free_event)(Event* event);
  Outcome (*mark)(Queue* queue, Event* event, Message& message);  // enqueued
  Outcome (*wait)(Event* event, Message& message);                // until it has come
  Outcome (*seconds)(Event* from, Event* to, double& seconds, Message& message);
  // What is enqueued between the two isn't carried out but recorded. An error in between ends the recording.
  Outcome (*begin)(Queue* queue, Message& message);
  Outcome (*end)(Queue* queue, Recording*& recording, Message& message);
  Outcome (*replay)(Queue* queue, Recording* recording, Message& message);  // enqueued
  void (*free_recording)(Recording* recording);
};

// Changes whenever a module that was built before would not fit.
constexpr uint64_t kAbi = (uint64_t{4} << 48) | (sizeof(Call) << 32) | (sizeof(Params) << 16) | sizeof(TensorSpec);

}  // namespace nano::gpu
