// A CUDA runtime without a device. Where CUDA leaves a choice, this runtime makes the one that
// reveals bugs:
//   streams      nothing runs until the host synchronizes, or something waits for an event that needs it.
//   memory       device memory is PROT_NONE for the host. It ends at a guard page (16-byte granularity)
//                and is filled with NaNs. Addresses are never reused.
//   null stream  waits for the streams that are not cudaStreamNonBlocking, and they wait for it.
//                Non-blocking streams wait for nothing.
//   cudaMemcpy   to the device from memory that is not pinned returns before the device has the data.
//   capture      no call may allocate or wait during a capture, not even a relaxed one. Copies to and
//                from memory that is not pinned are refused. A kernel's first use loads its module and is
//                refused unless the capture is relaxed.
//   errors       a failed launch is sticky: every later call returns the error. Any call can be made to
//                fail, and the device's properties can be changed (SIMT_MEMORY and the related variables).
// With SIMT_ALIVE=1, lists at process exit what has not been freed.
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/faults.h"
#include "common/memory.h"
#include "cuda_runtime.h"

using Op = std::function<void()>;
struct SimtGraph {
  std::vector<Op> ops;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  bool invalid = false;
  std::set<SimtStream*> unjoined;  // forked streams that the capturing stream does not wait for yet
};
struct SimtGraphExec {
  std::shared_ptr<std::vector<Op>> ops;
};
struct SimtStream {
  bool blocking = true;
  std::deque<Op> ops;
  uint64_t enqueued = 0, begun = 0;  // operations so far
  SimtGraph* capture = nullptr;
  bool origin = false;
};
struct SimtEvent {
  bool timed = true;
  SimtStream* stream = nullptr;          // where it was last recorded
  uint64_t recorded = 0, completed = 0;  // versions
  SimtGraph* capture = nullptr;          // the capture during which it was recorded
  std::chrono::steady_clock::time_point time;
};

namespace simt {
namespace {
int driver_version = CUDART_VERSION;  // 0: no driver
int capability_major = 8, capability_minor = 0;
bool has_image = true;  // the module has code for the device
std::set<Allocation*> live;
size_t in_use;
SimtStream null_stream;
std::set<SimtStream*> streams{&null_stream};
std::set<SimtEvent*> events;
std::set<SimtGraph*> graphs;
std::set<SimtGraphExec*> executables;
std::map<const char*, size_t> host_allocations;                             // pinned
int misuses;                                                                // uses of missing or freed objects
void* const kGarbage = reinterpret_cast<void*>(uintptr_t{0xBAD0BAD0BAD0});  // the result of a failed call
cudaError_t last_error = cudaSuccess, sticky = cudaSuccess;
char report[sizeof(Failure::text)] = "";
std::map<const void*, int> max_dynamic;
std::set<const void*> loaded;  // kernels that have been used

cudaError_t Done(cudaError_t e) {
  if (sticky != cudaSuccess) e = sticky;
  if (e != cudaSuccess && e != cudaErrorNotReady) last_error = e;
  return e;
}

cudaError_t Misused(cudaError_t error) {
  ++misuses;
  return Done(error);
}

// Each function that can fail calls this first. `error` is the code that it would fail with.
cudaError_t Demanded(cudaError_t error) {
  switch (NextFault()) {
    case emulate::Answer::kNothing:
      return cudaSuccess;
    case emulate::Answer::kFailure:
      break;
    case emulate::Answer::kLasting:
      sticky = error = cudaErrorIllegalAddress;
      break;
    case emulate::Answer::kLost:
      sticky = error = cudaErrorECCUncorrectable;
  }
  return Done(error);
}
#define FAILS_ON_DEMAND(error) \
  if (const cudaError_t demanded = Demanded(error)) return demanded

// --- device memory, and who may access it when
int scopes;
bool all_open;
void SetAccess(int protection) {
  for (const Allocation* a : live) emulate::SetAccess(*a, protection);
}
void OpenAll() {  // for a kernel, until the outermost scope ends
  if (!all_open) SetAccess(PROT_READ | PROT_WRITE);
  all_open = true;
}
struct Scope {
  Scope() { ++scopes; }
  ~Scope() {
    if (--scopes > 0 || !all_open) return;
    SetAccess(PROT_NONE);
    all_open = false;
  }
};
class BlockAccess {  // for a copy: opens the block that holds p, which may be host memory
 public:
  explicit BlockAccess(const void* p) {
    if (all_open || !arena_range.has(p)) return;
    block_ = FindAllocation(p);
    emulate::SetAccess(*block_, PROT_READ | PROT_WRITE);
  }
  ~BlockAccess() {
    if (block_ != nullptr) emulate::SetAccess(*block_, PROT_NONE);
  }

 private:
  const Allocation* block_ = nullptr;
};

struct Start {
  Start() {
    if (const char* n = getenv("SIMT_DRIVER")) {  // 12.4, or 0 for none
      int major = 0, minor = 0;
      sscanf(n, "%d.%d", &major, &minor);
      driver_version = 1000 * major + 10 * minor;
    }
    if (const char* n = getenv("SIMT_CAPABILITY")) sscanf(n, "%d.%d", &capability_major, &capability_minor);
    has_image = getenv("SIMT_NO_IMAGE") == nullptr;
  }
} start;
emulate::ReportAlive report_alive;

bool Inside(const void* p, size_t n) {  // a live allocation holds all n bytes
  const Allocation* a = FindAllocation(p);
  auto* c = static_cast<const char*>(p);
  return a && a->live && c + n <= a->base + a->size;
}

// --- lazy streams
SimtStream* Get(cudaStream_t s) { return s ? s : &null_stream; }
void RunOp(const Op& op) {
  if (sticky != cudaSuccess) return;
  try {
    op();
  } catch (const Failure& f) {
    sticky = cudaErrorLaunchFailure;
    memcpy(report, f.text, sizeof report);
    if (!getenv("SIMT_QUIET")) fprintf(stderr, "%s\n", report);
  }
}
void RunOne(SimtStream* s) {
  Op op = std::move(s->ops.front());
  s->ops.pop_front();
  ++s->begun;
  RunOp(op);
}
void Drain(SimtStream* s) {
  Scope scope;
  while (!s->ops.empty()) RunOne(s);
}
void DrainAll() {  // in the order of the streams' addresses, which is arbitrary
  Scope scope;
  for (SimtStream* s : streams) Drain(s);
}
void Demand(SimtEvent* e, uint64_t version) {  // runs the event's stream just far enough
  Scope scope;
  while (e->completed < version && !e->stream->ops.empty()) RunOne(e->stream);
}
// The events that an operation waits for, besides what the stream already contains.
Op WaitsOf(const SimtStream* s) {
  std::vector<std::pair<SimtStream*, uint64_t>> waits;
  for (SimtStream* other : streams) {
    const bool each_other = s->blocking && other->blocking && (s == &null_stream || other == &null_stream);
    if (other != s && each_other && !other->ops.empty()) waits.emplace_back(other, other->enqueued);
  }
  if (waits.empty()) return {};
  return [waits] {
    for (const auto& [other, version] : waits) {  // a destroyed stream has run everything
      while (streams.count(other) && other->begun < version && !other->ops.empty()) RunOne(other);
    }
  };
}
cudaError_t Enqueue(cudaStream_t stream, Op op) {
  SimtStream* s = Get(stream);
  if (sticky != cudaSuccess) return Done(sticky);
  if (s->capture) {
    s->capture->ops.push_back(std::move(op));
    if (!s->origin) s->capture->unjoined.insert(s);
  } else {
    if (Op waits = WaitsOf(s)) {
      s->ops.push_back(std::move(waits));
      ++s->enqueued;
    }
    s->ops.push_back(std::move(op));
    ++s->enqueued;
  }
  return Done(cudaSuccess);
}
// Calls that wait or allocate are forbidden while any stream is being captured, and invalidate the
// capture.
bool Capturing() {
  for (SimtStream* s : streams)
    if (s->capture) {
      s->capture->invalid = true;
      return true;
    }
  return false;
}
#define NOT_WHILE_CAPTURING() \
  if (Capturing()) return Done(cudaErrorStreamCaptureUnsupported)
// Modules are loaded lazily, at the first use of a kernel. Only a relaxed capture allows that.
// Returns false if a capture forbade it.
bool Load(const void* kernel) {
  if (loaded.count(kernel)) return true;
  for (SimtStream* s : streams)
    if (s->capture && s->capture->mode != cudaStreamCaptureModeRelaxed) {
      s->capture->invalid = true;
      return false;
    }
  loaded.insert(kernel);
  return true;
}
#define LOADS(kernel) \
  if (!Load(kernel)) return Done(cudaErrorStreamCaptureUnsupported)
bool IsPinned(const void* p) {
  const auto next = host_allocations.upper_bound(static_cast<const char*>(p));
  if (next == host_allocations.begin()) return false;
  const auto& [begin, size] = *std::prev(next);
  return static_cast<const char*>(p) < begin + size;
}
}  // namespace

void FailMallocAfter(int successes) { faults.mallocs_until_failure = successes; }
const char* LastReport() { return report; }
void ForgetFailure() {
  for (SimtStream* s : streams) s->ops.clear(), s->begun = s->enqueued;
  sticky = last_error = cudaSuccess;
  report[0] = 0;
}
cudaError_t SetMaxDynamicShared(const void* kernel, int bytes) {
  FAILS_ON_DEMAND(cudaErrorInvalidValue);
  if (bytes < 0 || size_t(bytes) > kMaxDynamicShared) return Done(cudaErrorInvalidValue);
  LOADS(kernel);
  max_dynamic[kernel] = bytes;
  return Done(cudaSuccess);
}
cudaError_t FindKernel(const void* kernel) {
  FAILS_ON_DEMAND(cudaErrorNoKernelImageForDevice);
  LOADS(kernel);
  return Done(has_image ? cudaSuccess : cudaErrorNoKernelImageForDevice);
}
cudaError_t EnqueueLaunch(cudaStream_t stream, const Launch& l, std::function<void(const Launch&)> call) {
  FAILS_ON_DEMAND(cudaErrorLaunchOutOfResources);
  size_t threads = size_t(l.block.x) * l.block.y * l.block.z;
  auto limit = max_dynamic.find(l.kernel);
  if (!threads || threads > 1024 || l.block.z > 64 || !l.grid.x || !l.grid.y || !l.grid.z || l.grid.x > INT32_MAX ||
      l.grid.y > 65535 || l.grid.z > 65535)
    return Done(cudaErrorInvalidConfiguration);
  if (l.dynamic_shared > (limit == max_dynamic.end() ? 48 * 1024 : size_t(limit->second)))
    return Done(cudaErrorInvalidValue);
  LOADS(l.kernel);
  return Enqueue(stream, [=] {
    OpenAll();
    call(l);
  });
}
}  // namespace simt
using namespace simt;

// --- the runtime's functions
cudaError_t cudaGetLastError() {
  cudaError_t e = sticky != cudaSuccess ? sticky : last_error;
  last_error = cudaSuccess;
  return e;
}
cudaError_t cudaPeekAtLastError() { return sticky != cudaSuccess ? sticky : last_error; }
const char* cudaGetErrorName(cudaError_t e) {
#define NAME(n) \
  { n, #n }
  constexpr std::pair<cudaError_t, const char*> kNames[] = {
      NAME(cudaSuccess),
      NAME(cudaErrorInvalidValue),
      NAME(cudaErrorMemoryAllocation),
      NAME(cudaErrorInvalidConfiguration),
      NAME(cudaErrorInvalidDevicePointer),
      NAME(cudaErrorInvalidMemcpyDirection),
      NAME(cudaErrorInsufficientDriver),
      NAME(cudaErrorInvalidDeviceFunction),
      NAME(cudaErrorNoDevice),
      NAME(cudaErrorInvalidDevice),
      NAME(cudaErrorNoKernelImageForDevice),
      NAME(cudaErrorECCUncorrectable),
      NAME(cudaErrorInvalidResourceHandle),
      NAME(cudaErrorNotReady),
      NAME(cudaErrorIllegalAddress),
      NAME(cudaErrorLaunchOutOfResources),
      NAME(cudaErrorLaunchFailure),
      NAME(cudaErrorStreamCaptureUnsupported),
      NAME(cudaErrorStreamCaptureInvalidated),
      NAME(cudaErrorStreamCaptureUnmatched),
      NAME(cudaErrorStreamCaptureUnjoined),
  };
  for (const auto& [error, name] : kNames) {
    if (error == e) return name;
  }
  return "cudaErrorUnknown";
}
const char* cudaGetErrorString(cudaError_t e) { return e == sticky && report[0] ? report : cudaGetErrorName(e); }
cudaError_t cudaGetDeviceCount(int* n) {
  FAILS_ON_DEMAND(cudaErrorNoDevice);
  if (driver_version < CUDART_VERSION) return Done(cudaErrorInsufficientDriver);
  if (faults.devices == 0) return Done(cudaErrorNoDevice);
  *n = faults.devices;
  return Done(cudaSuccess);
}
cudaError_t cudaSetDevice(int d) {
  FAILS_ON_DEMAND(cudaErrorInvalidDevice);
  return Done(d ? cudaErrorInvalidDevice : cudaSuccess);
}
cudaError_t cudaGetDevice(int* d) {
  FAILS_ON_DEMAND(cudaErrorInvalidDevice);
  *d = 0;
  return Done(cudaSuccess);
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  FAILS_ON_DEMAND(cudaErrorInvalidDevice);
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = 1024;
      break;
    case cudaDevAttrWarpSize:
      *value = 32;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = 4;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = capability_major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = capability_minor;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = int(kMaxDynamicShared);
      break;
    default:
      return Done(cudaErrorInvalidValue);
  }
  return Done(cudaSuccess);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  FAILS_ON_DEMAND(cudaErrorInvalidDevice);
  if (device != 0) return Done(cudaErrorInvalidDevice);
  snprintf(properties->name, sizeof properties->name, "an emulated GPU");
  properties->totalGlobalMem = faults.memory;
  properties->major = capability_major, properties->minor = capability_minor;
  return Done(cudaSuccess);
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  FAILS_ON_DEMAND(cudaErrorInvalidValue);
  *total = faults.memory;
  *free = faults.memory - in_use;
  return Done(cudaSuccess);
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = driver_version;
  return Done(cudaSuccess);
}

// --- memory
cudaError_t cudaMalloc(void** p, size_t size) {
  NOT_WHILE_CAPTURING();
  if (!p) return Done(cudaErrorInvalidValue);
  *p = kGarbage;
  FAILS_ON_DEMAND(cudaErrorMemoryAllocation);
  *p = nullptr;
  if (!size) return Done(cudaSuccess);
  const bool refused = NextMemoryFault() || in_use + size > faults.memory;
  Allocation* a = refused ? nullptr : Allocate(size);
  if (!a) {
    *p = kGarbage;
    return Done(cudaErrorMemoryAllocation);
  }
  if (!all_open) emulate::SetAccess(*a, PROT_NONE);
  in_use += size;
  live.insert(a);
  *p = a->base;
  return Done(cudaSuccess);
}
cudaError_t cudaFree(void* p) {
  NOT_WHILE_CAPTURING();
  // Frees the memory even if it returns an error, because the error may be an older one.
  const cudaError_t demanded = Demanded(cudaErrorUnknown);
  if (!p) return Done(cudaSuccess);
  Allocation* a = FindAllocation(p);
  if (!a || a->base != p || !a->live) return Misused(cudaErrorInvalidValue);
  DrainAll();
  live.erase(a);
  in_use -= a->size;
  if (const ptrdiff_t written = Free(a)) {
    fprintf(stderr, "simt: something wrote %td bytes outside device allocation #%d (%zu bytes)\n", written, a->id,
            a->size);
    sticky = cudaErrorIllegalAddress;
  }
  return demanded != cudaSuccess ? demanded : Done(cudaSuccess);
}
cudaError_t cudaMallocHost(void** p, size_t n) {
  NOT_WHILE_CAPTURING();
  *p = kGarbage;
  FAILS_ON_DEMAND(cudaErrorMemoryAllocation);
  void* made = malloc(n);
  if (!made) return Done(cudaErrorMemoryAllocation);
  memset(made, 0xFF, n);
  host_allocations[static_cast<const char*>(made)] = n;
  *p = made;
  return Done(cudaSuccess);
}
cudaError_t cudaFreeHost(void* p) {
  NOT_WHILE_CAPTURING();
  const cudaError_t demanded = Demanded(cudaErrorUnknown);
  if (!p) return Done(cudaSuccess);
  if (!host_allocations.count(static_cast<const char*>(p))) return Misused(cudaErrorInvalidValue);
  DrainAll();
  host_allocations.erase(static_cast<const char*>(p));
  free(p);
  return demanded != cudaSuccess ? demanded : Done(cudaSuccess);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t n, cudaMemcpyKind kind, cudaStream_t stream) {
  FAILS_ON_DEMAND(cudaErrorInvalidValue);
  bool to_device = arena_range.has(to), from_device = arena_range.has(from);
  if (kind != cudaMemcpyDefault &&
      (to_device != (kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice) ||
       from_device != (kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice)))
    return Done(cudaErrorInvalidMemcpyDirection);
  if (n && ((to_device && !Inside(to, n)) || (from_device && !Inside(from, n)))) return Done(cudaErrorInvalidValue);
  SimtGraph* const capture = Get(stream)->capture;
  if (capture && ((!to_device && !IsPinned(to)) || (!from_device && !IsPinned(from)))) {
    capture->invalid = true;
    return Done(cudaErrorStreamCaptureUnsupported);
  }
  return Enqueue(stream, [=] {
    BlockAccess read(from), write(to);
    memmove(to, from, n);
  });
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t n, cudaMemcpyKind kind) {
  NOT_WHILE_CAPTURING();
  const bool staged = arena_range.has(to) && !arena_range.has(from) && !IsPinned(from);
  const auto bytes = std::make_shared<std::string>(staged ? std::string(static_cast<const char*>(from), n) : "");
  cudaError_t e = cudaMemcpyAsync(to, staged ? bytes->data() : from, n, kind, nullptr);
  if (e != cudaSuccess || !staged) return e != cudaSuccess ? e : cudaStreamSynchronize(nullptr);
  return Enqueue(nullptr, [bytes] {});  // lives until the copy has run
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t n, cudaStream_t stream) {
  FAILS_ON_DEMAND(cudaErrorInvalidValue);
  if (n && !Inside(to, n)) return Done(cudaErrorInvalidValue);
  return Enqueue(stream, [=] {
    BlockAccess write(to);
    memset(to, value, n);
  });
}

// --- streams and events
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* s, unsigned flags) {
  FAILS_ON_DEMAND(cudaErrorMemoryAllocation);
  streams.insert(*s = new SimtStream);
  (*s)->blocking = !(flags & cudaStreamNonBlocking);
  return Done(cudaSuccess);
}
cudaError_t cudaStreamCreate(cudaStream_t* s) { return cudaStreamCreateWithFlags(s, 0); }
cudaError_t cudaStreamDestroy(cudaStream_t s) {
  const cudaError_t demanded = Demanded(cudaErrorUnknown);
  if (!s || !streams.count(s)) return Misused(cudaErrorInvalidResourceHandle);
  Drain(s);
  streams.erase(s);
  delete s;
  return demanded != cudaSuccess ? demanded : Done(cudaSuccess);
}
cudaError_t cudaStreamSynchronize(cudaStream_t s) {
  NOT_WHILE_CAPTURING();
  FAILS_ON_DEMAND(cudaErrorUnknown);
  Drain(Get(s));
  return Done(cudaSuccess);
}
cudaError_t cudaStreamQuery(cudaStream_t s) {  // each call makes a little progress, so that polling ends
  NOT_WHILE_CAPTURING();
  if (Get(s)->ops.empty()) return Done(cudaSuccess);
  Scope scope;
  RunOne(Get(s));
  return Done(cudaErrorNotReady);
}
cudaError_t cudaDeviceSynchronize() {
  NOT_WHILE_CAPTURING();
  FAILS_ON_DEMAND(cudaErrorUnknown);
  DrainAll();
  return Done(cudaSuccess);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* e, unsigned flags) {
  FAILS_ON_DEMAND(cudaErrorMemoryAllocation);
  events.insert(*e = new SimtEvent);
  (*e)->timed = !(flags & cudaEventDisableTiming);
  return Done(cudaSuccess);
}
cudaError_t cudaEventCreate(cudaEvent_t* e) { return cudaEventCreateWithFlags(e, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t e) {
  const cudaError_t demanded = Demanded(cudaErrorUnknown);
  if (!events.count(e)) return Misused(cudaErrorInvalidResourceHandle);
  // Queued operations still point to it. A destroyed stream has run them.
  if (streams.count(e->stream) && e->completed < e->recorded) Demand(e, e->recorded);
  events.erase(e);
  delete e;
  return demanded != cudaSuccess ? demanded : Done(cudaSuccess);
}
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t stream) {
  FAILS_ON_DEMAND(cudaErrorInvalidValue);
  SimtStream* s = Get(stream);
  if (!events.count(e) || !streams.count(s)) return Misused(cudaErrorInvalidResourceHandle);
  e->capture = s->capture;
  e->stream = s;
  if (s->capture) return Done(cudaSuccess);
  uint64_t version = ++e->recorded;
  return Enqueue(stream, [=] {
    e->completed = version;
    e->time = std::chrono::steady_clock::now();
  });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t e, unsigned) {
  FAILS_ON_DEMAND(cudaErrorInvalidValue);
  SimtStream* s = Get(stream);
  bool captured = false;
  for (SimtStream* other : streams) captured |= e->capture && other->capture == e->capture;
  if (captured) {  // the waiting stream joins the capture; the graph keeps the order of the calls
    if (s->capture && s->capture != e->capture) return Done(cudaErrorStreamCaptureInvalidated);
    s->capture = e->capture;
    if (e->stream != s) s->capture->unjoined.erase(e->stream);
    if (!s->origin) s->capture->unjoined.insert(s);
    return Done(cudaSuccess);
  }
  uint64_t version = e->recorded;
  return version ? Enqueue(stream, [=] { Demand(e, version); }) : Done(cudaSuccess);
}
cudaError_t cudaEventSynchronize(cudaEvent_t e) {
  NOT_WHILE_CAPTURING();
  FAILS_ON_DEMAND(cudaErrorUnknown);
  if (!events.count(e)) return Misused(cudaErrorInvalidResourceHandle);
  if (e->recorded) Demand(e, e->recorded);
  return Done(cudaSuccess);
}
cudaError_t cudaEventQuery(cudaEvent_t e) {
  if (e->completed == e->recorded) return Done(cudaSuccess);
  return cudaStreamQuery(e->stream), Done(cudaErrorNotReady);
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t a, cudaEvent_t b) {
  FAILS_ON_DEMAND(cudaErrorInvalidValue);
  if (!a->timed || !b->timed || !a->recorded || !b->recorded) return Done(cudaErrorInvalidResourceHandle);
  if (a->completed < a->recorded || b->completed < b->recorded) return Done(cudaErrorNotReady);
  *ms = std::chrono::duration<float, std::milli>(b->time - a->time).count();
  return Done(cudaSuccess);
}

// --- graphs: a list of operations in the order they were captured
cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode mode) {
  FAILS_ON_DEMAND(cudaErrorUnknown);
  if (!s || s->capture) return Done(cudaErrorStreamCaptureUnsupported);  // the null stream cannot be captured
  s->capture = new SimtGraph;
  s->capture->mode = mode;
  s->origin = true;
  return Done(cudaSuccess);
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t* graph) {
  const cudaError_t demanded = Demanded(cudaErrorStreamCaptureInvalidated);  // the capture ends in any case
  *graph = static_cast<cudaGraph_t>(kGarbage);
  if (!s || !s->capture || !s->origin) return Done(cudaErrorStreamCaptureUnmatched);
  SimtGraph* g = s->capture;
  for (SimtStream* other : streams)
    if (other->capture == g) {
      other->capture = nullptr;
      other->origin = false;
    }
  if (demanded != cudaSuccess || sticky != cudaSuccess) {
    delete g;
    return Done(demanded);
  }
  if (g->invalid || !g->unjoined.empty()) {
    cudaError_t e = g->invalid ? cudaErrorStreamCaptureInvalidated : cudaErrorStreamCaptureUnjoined;
    delete g;
    return Done(e);
  }
  graphs.insert(*graph = g);
  return Done(cudaSuccess);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t g, unsigned long long) {
  *exec = static_cast<cudaGraphExec_t>(kGarbage);
  FAILS_ON_DEMAND(cudaErrorMemoryAllocation);
  if (!graphs.count(g)) return Misused(cudaErrorInvalidResourceHandle);
  executables.insert(*exec = new SimtGraphExec{std::make_shared<std::vector<Op>>(g->ops)});
  return Done(cudaSuccess);
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  FAILS_ON_DEMAND(cudaErrorMemoryAllocation);
  if (!executables.count(exec)) return Misused(cudaErrorInvalidResourceHandle);
  return Enqueue(stream, [ops = exec->ops] {
    for (const Op& op : *ops) RunOp(op);
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t g) {
  const cudaError_t demanded = Demanded(cudaErrorUnknown);
  if (!graphs.erase(g)) return Misused(cudaErrorInvalidResourceHandle);
  delete g;
  return demanded != cudaSuccess ? demanded : Done(cudaSuccess);
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t e) {
  const cudaError_t demanded = Demanded(cudaErrorUnknown);
  if (!executables.erase(e)) return Misused(cudaErrorInvalidResourceHandle);
  delete e;
  return demanded != cudaSuccess ? demanded : Done(cudaSuccess);
}

std::string emulate::Alive() {
  std::string text;
  const auto add = [&](size_t count, const char* what) {
    if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  add(live.size(), "blocks of device memory");
  add(host_allocations.size(), "blocks of host memory");
  add(streams.size() - 1, "streams");
  add(events.size(), "events");
  add(graphs.size(), "graphs");
  add(executables.size(), "executable graphs");
  add(static_cast<size_t>(misuses), "uses of what is not there");
  return text;
}
