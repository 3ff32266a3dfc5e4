// The interface of a GPU module: a set of functions and a table of kernels. It uses only plain data
// and plain functions, so that the module can be a separate library that is opened at run time.
// Both sides must be built from the same headers; `kAbi` verifies that.
//
// Work that is "enqueued" runs in the order of the calls, after the calls have returned.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/rule.h"
#include "gpu/control.h"

namespace nano::gpu {

enum class Outcome : int32_t {
  kOk,
  kOutOfMemory,
  kUnsupported,  // by this device or driver
  kLost,         // the device no longer responds, or a kernel crashed
};

// Describes the error if the outcome isn't kOk.
struct Message {
  char text[496] = "";
};

// A tensor in device memory, as kernels see it.
struct Tensor {
  void* data;
  const TensorSpec* spec;
};

// One execution of one op, to be enqueued. Tensor data and scratch memory are aligned to 64 bytes.
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
  // Enqueues the op. It may depend on sizes but not on contents, because the result is recorded
  // once and replayed.
  Outcome (*run)(const Call& call, Message& message);
  // The scratch size in bytes. Null: the kernel needs no scratch.
  size_t (*scratch)(const OpView& op, const Params& params) = nullptr;
};

struct Description {
  char name[256] = "";
  size_t memory = 0;  // total, in bytes
};

struct Event;      // a point in the queue
struct Recording;  // enqueued work that can be enqueued again with one call

struct Module {
  uint64_t abi;
  const Kernel* kernels;
  size_t kernel_count;
  int64_t most_elements;  // maximum elements of a tensor
  Outcome (*count)(int& devices, Message& message);
  Outcome (*describe)(int ordinal, Description& description, Message& message);
  // Only one thread at a time may use a queue.
  Outcome (*open)(int ordinal, Queue*& queue, Message& message);
  void (*close)(Queue* queue);  // after all enqueued work
  // Uninitialized device memory. free() takes effect after all enqueued work.
  Outcome (*allocate)(Queue* queue, size_t bytes, void*& memory, Message& message);
  void (*free)(Queue* queue, void* memory);
  // Host memory that supports asynchronous copies.
  Outcome (*allocate_host)(Queue* queue, size_t bytes, void*& memory, Message& message);
  void (*free_host)(Queue* queue, void* memory);
  // Enqueued. The host memory must come from allocate_host().
  Outcome (*upload)(Queue* queue, void* to, const void* from, size_t bytes, Message& message);
  Outcome (*download)(Queue* queue, void* to, const void* from, size_t bytes, Message& message);
  Outcome (*zero)(Queue* queue, void* to, size_t bytes, Message& message) = nullptr;
  // On devices that share memory with the host: waits until the host may access it, so that
  // uploads, downloads and zeroing need no enqueued copy. Null on other devices.
  Outcome (*finish)(Queue* queue, Message& message) = nullptr;
  // Enqueued. Writes an error to the control if a float output has a non-finite element.
  Outcome (*check_finite)(const Call& call, size_t output, Message& message);
  // Only events that are `timed` can be passed to seconds().
  Outcome (*make_event)(Queue* queue, bool timed, Event*& event, Message& message);
  void (*free_event)(Event* event);
  Outcome (*mark)(Queue* queue, Event* event, Message& message);  // enqueued
  Outcome (*wait)(Event* event, Message& message);                // until the queue reaches the event
  Outcome (*seconds)(Event* from, Event* to, double& seconds, Message& message);
  // Work enqueued between begin() and end() is recorded and not executed. An error in between ends
  // the recording.
  Outcome (*begin)(Queue* queue, Message& message);
  Outcome (*end)(Queue* queue, Recording*& recording, Message& message);
  Outcome (*replay)(Queue* queue, Recording* recording, Message& message);  // enqueued
  void (*free_recording)(Recording* recording);
};

// Changes whenever modules built from earlier headers are incompatible.
constexpr uint64_t kAbi = (uint64_t{5} << 48) | (sizeof(Call) << 32) | (sizeof(Params) << 16) | sizeof(TensorSpec);

}  // namespace nano::gpu
