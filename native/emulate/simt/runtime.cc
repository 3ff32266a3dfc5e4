// A CUDA runtime without a device. Where CUDA leaves a choice, this one takes the choice that shows the bug:
//   streams      nothing runs until the host synchronises or an event that must be complete demands it;
//   memory       device memory is PROT_NONE for the host; its end is flush with a guard page (16-byte granularity);
//                it is filled with NaNs; freed addresses are never used again;
//   null stream  an ordinary stream: it synchronises with no other;
//   errors       a failed launch is sticky: every later call returns the error.
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "cuda_runtime.h"
#include "hooks.h"

using Op = std::function<void()>;
struct SimtGraph {
  std::vector<Op> ops;
  bool invalid = false;
  std::set<SimtStream*> unjoined;  // forked streams whose work the capturing stream does not wait for yet
};
struct SimtGraphExec {
  std::shared_ptr<std::vector<Op>> ops;
};
struct SimtStream {
  std::deque<Op> ops;
  SimtGraph* capture = nullptr;
  bool origin = false;
};
struct SimtEvent {
  bool timed = true;
  SimtStream* stream = nullptr;          // where it was last recorded
  uint64_t recorded = 0, completed = 0;  // versions
  SimtGraph* capture = nullptr;          // it was recorded during this capture
  std::chrono::steady_clock::time_point time;
};

namespace simt {
namespace {
constexpr size_t kArena = size_t(64) << 30, kMemory = size_t(16)
                                                      << 30;  // address space; what the device claims to have
const size_t kPage = size_t(sysconf(_SC_PAGESIZE));
std::map<char*, Allocation> allocations;
char* next_free;
size_t in_use;
int allocation_count, mallocs_until_failure = -1;
SimtStream null_stream;
std::set<SimtStream*> streams{&null_stream};
cudaError_t last_error = cudaSuccess, sticky = cudaSuccess;
char report[sizeof(Failure::text)] = "";
std::map<const void*, int> max_dynamic;

cudaError_t done(cudaError_t e) {
  if (sticky != cudaSuccess) e = sticky;
  if (e != cudaSuccess && e != cudaErrorNotReady) last_error = e;
  return e;
}

// --- device memory, and who may touch it when
int open_count;
void set_access(int protection) {
  for (auto& [base, a] : allocations)
    if (a.live) mprotect(a.mapping, a.mapped, protection);
}
struct DeviceAccess {
  DeviceAccess() {
    if (!open_count++) set_access(PROT_READ | PROT_WRITE);
  }
  ~DeviceAccess() {
    if (!--open_count) set_access(PROT_NONE);
  }
};

void on_fault(int, siginfo_t* info, void* context) {
  signal(SIGSEGV, SIG_DFL);
  auto* uc = static_cast<ucontext_t*>(context);
#if defined(__x86_64__)
  auto* pc = reinterpret_cast<void*>(uc->uc_mcontext.gregs[REG_RIP]);
#else
  auto* pc = reinterpret_cast<void*>(uc->uc_mcontext.pc);
#endif
  char what[256], where[512], who[128] = "host code";
  describe_address(info->si_addr, what, sizeof what);
  describe_code(pc, where, sizeof where);
  if (in_kernel) describe_thread(thread_in_block(), who, sizeof who);
  bool device = arena_range.has(info->si_addr);
  fprintf(stderr, "simt: fault: %s touched %s\n  in %s%s%s\n", who, what, where, in_kernel ? "; schedule " : "",
          in_kernel ? schedule_name()
          : device  ? ": a missing cudaMemcpy?"
                    : "");
  _exit(99);
}
struct Start {
  Start() {
    void* p = mmap(nullptr, kArena, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
      perror("simt: mmap");
      abort();
    }
    next_free = static_cast<char*>(p) + kPage;
    arena_range = {static_cast<char*>(p), static_cast<char*>(p) + kArena};
    static char stack[64 * 1024];
    stack_t alternate{};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    sigaltstack(&alternate, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
    if (const char* n = getenv("SIMT_FAIL_MALLOC")) mallocs_until_failure = atoi(n);
    if (const char* s = getenv("SIMT_SCHEDULE")) {  // ascending, descending, shuffle or shuffle:SEED
      if (!strcmp(s, "descending")) set_schedule(Schedule::Descending);
      if (!strncmp(s, "shuffle", 7)) set_schedule(Schedule::Shuffle, s[7] == ':' ? unsigned(atoi(s + 8)) : 1);
    }
  }
};

bool inside(const void* p, size_t n) {  // a live allocation holds all n bytes
  const Allocation* a = find_allocation(p);
  auto* c = static_cast<const char*>(p);
  return a && a->live && c + n <= a->base + a->size;
}

// --- lazy streams
SimtStream* get(cudaStream_t s) { return s ? s : &null_stream; }
void run_op(const Op& op) {
  if (sticky != cudaSuccess) return;
  try {
    op();
  } catch (const Failure& f) {
    sticky = cudaErrorLaunchFailure;
    memcpy(report, f.text, sizeof report);
    if (!getenv("SIMT_QUIET")) fprintf(stderr, "%s\n", report);
  }
}
void run_one(SimtStream* s) {
  Op op = std::move(s->ops.front());
  s->ops.pop_front();
  run_op(op);
}
void drain(SimtStream* s) {
  DeviceAccess open;
  while (!s->ops.empty()) run_one(s);
}
void drain_all() {  // streams in the order of their addresses, which is as good as any
  DeviceAccess open;
  for (SimtStream* s : streams) drain(s);
}
void demand(SimtEvent* e, uint64_t version) {  // runs the event's stream just far enough
  DeviceAccess open;
  while (e->completed < version && !e->stream->ops.empty()) run_one(e->stream);
}
cudaError_t enqueue(cudaStream_t stream, Op op) {
  SimtStream* s = get(stream);
  if (sticky != cudaSuccess) return done(sticky);
  if (s->capture) {
    s->capture->ops.push_back(std::move(op));
    if (!s->origin) s->capture->unjoined.insert(s);
  } else {
    s->ops.push_back(std::move(op));
  }
  return done(cudaSuccess);
}
// Calls that wait or allocate are forbidden while any stream is being captured, and spoil the capture.
bool capturing() {
  for (SimtStream* s : streams)
    if (s->capture) {
      s->capture->invalid = true;
      return true;
    }
  return false;
}
#define NOT_WHILE_CAPTURING() \
  if (capturing()) return done(cudaErrorStreamCaptureUnsupported)
}  // namespace

Range arena_range;
static Start start;

const Allocation* find_allocation(const void* p) {
  static const Allocation* last;
  auto* c = static_cast<char*>(const_cast<void*>(p));
  if (last && c >= last->base && c < last->base + last->size) return last;
  auto it = allocations.upper_bound(c);
  return it == allocations.begin() ? nullptr : last = &std::prev(it)->second;
}
void describe_address(const void* p, char* text, size_t size) {
  auto* c = static_cast<const char*>(p);
  const Allocation* a = arena_range.has(p) ? find_allocation(p) : nullptr;
  if (shared_range.has(p)) {
    snprintf(text, size, "shared memory at offset %td",
             c - (c >= (char*)dynamic_shared ? (char*)dynamic_shared : shared_range.begin));
  } else if (a && c < a->base + a->size) {
    snprintf(text, size, "%sdevice allocation #%d (%zu bytes) at byte %td", a->live ? "" : "freed ", a->id, a->size,
             c - a->base);
  } else if (a) {
    auto next = allocations.upper_bound(const_cast<char*>(c));
    if (next != allocations.end() && next->second.base - c < c - (a->base + a->size))
      snprintf(text, size, "memory %td bytes before device allocation #%d (%zu bytes)", next->second.base - c,
               next->second.id, next->second.size);
    else
      snprintf(text, size, "memory %td bytes past device allocation #%d (%zu bytes)", c - (a->base + a->size), a->id,
               a->size);
  } else if (stacks_range.has(p)) {
    snprintf(text, size, "the guard of a thread's stack (128 KiB each)");
  } else {
    snprintf(text, size, "address %p, which is no device memory", p);
  }
}
void fail_malloc_after(int successes) { mallocs_until_failure = successes; }
const char* last_report() { return report; }
void forget_failure() {
  for (SimtStream* s : streams) s->ops.clear();
  sticky = last_error = cudaSuccess;
  report[0] = 0;
}
cudaError_t set_max_dynamic_shared(const void* kernel, int bytes) {
  if (bytes < 0 || size_t(bytes) > kMaxDynamicShared) return done(cudaErrorInvalidValue);
  max_dynamic[kernel] = bytes;
  return done(cudaSuccess);
}
cudaError_t enqueue_launch(cudaStream_t stream, const Launch& l, std::function<void(const Launch&)> call) {
  size_t threads = size_t(l.block.x) * l.block.y * l.block.z;
  auto limit = max_dynamic.find(l.kernel);
  if (!threads || threads > 1024 || l.block.z > 64 || !l.grid.x || !l.grid.y || !l.grid.z || l.grid.y > 65535 ||
      l.grid.z > 65535)
    return done(cudaErrorInvalidConfiguration);
  if (l.dynamic_shared > (limit == max_dynamic.end() ? 48 * 1024 : size_t(limit->second)))
    return done(cudaErrorInvalidValue);
  return enqueue(stream, [=] { call(l); });
}
}  // namespace simt
using namespace simt;

// ---------------------------------------------------------------------------------------------------------------------
cudaError_t cudaGetLastError() {
  cudaError_t e = sticky != cudaSuccess ? sticky : last_error;
  last_error = cudaSuccess;
  return e;
}
cudaError_t cudaPeekAtLastError() { return sticky != cudaSuccess ? sticky : last_error; }
const char* cudaGetErrorName(cudaError_t e) {
  switch (e) {
#define NAME(n) \
  case n:       \
    return #n;
    NAME(cudaSuccess)
    NAME(cudaErrorInvalidValue)
    NAME(cudaErrorMemoryAllocation) NAME(cudaErrorInvalidConfiguration) NAME(cudaErrorInsufficientDriver)
        NAME(cudaErrorNoDevice) NAME(cudaErrorInvalidDevice) NAME(cudaErrorNoKernelImageForDevice)
            NAME(cudaErrorInvalidDevicePointer) NAME(cudaErrorInvalidMemcpyDirection)
                NAME(cudaErrorInvalidResourceHandle) NAME(cudaErrorNotReady) NAME(cudaErrorIllegalAddress)
                    NAME(cudaErrorLaunchFailure) NAME(cudaErrorStreamCaptureUnsupported)
                        NAME(cudaErrorStreamCaptureInvalidated) NAME(cudaErrorStreamCaptureUnmatched)
                            NAME(cudaErrorStreamCaptureUnjoined)
  }
  return "cudaErrorUnknown";
}
const char* cudaGetErrorString(cudaError_t e) { return e == sticky && report[0] ? report : cudaGetErrorName(e); }
cudaError_t cudaGetDeviceCount(int* n) { return *n = 1, done(cudaSuccess); }
cudaError_t cudaSetDevice(int d) { return done(d ? cudaErrorInvalidValue : cudaSuccess); }
cudaError_t cudaGetDevice(int* d) { return *d = 0, done(cudaSuccess); }
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
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
      *value = 8;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = 0;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = int(kMaxDynamicShared);
      break;
    default:
      return done(cudaErrorInvalidValue);
  }
  return done(cudaSuccess);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return done(cudaErrorInvalidDevice);
  snprintf(properties->name, sizeof properties->name, "an emulated GPU");
  properties->totalGlobalMem = kMemory;
  properties->major = 8, properties->minor = 0;
  return done(cudaSuccess);
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *total = kMemory;
  *free = kMemory - in_use;
  return done(cudaSuccess);
}

// --- memory
cudaError_t cudaMalloc(void** p, size_t size) {
  NOT_WHILE_CAPTURING();
  if (!p) return done(cudaErrorInvalidValue);
  *p = nullptr;
  if (!size) return done(cudaSuccess);
  size_t mapped = (size + kPage - 1) / kPage * kPage;
  bool inject = mallocs_until_failure >= 0 && mallocs_until_failure-- == 0;
  if (inject || in_use + size > kMemory || next_free + mapped + kPage > arena_range.end)
    return done(cudaErrorMemoryAllocation);
  Allocation a{next_free + mapped - (size + 15) / 16 * 16, size, next_free, mapped, ++allocation_count, true};
  mprotect(a.mapping, mapped, PROT_READ | PROT_WRITE);
  memset(a.mapping, 0xFF, mapped);
  if (!open_count) mprotect(a.mapping, mapped, PROT_NONE);
  next_free += mapped + kPage;  // a guard page follows
  in_use += size;
  allocations[a.base] = a;
  *p = a.base;
  return done(cudaSuccess);
}
cudaError_t cudaFree(void* p) {
  NOT_WHILE_CAPTURING();
  if (!p) return done(cudaSuccess);
  auto it = allocations.find(static_cast<char*>(p));
  if (it == allocations.end() || !it->second.live) return done(cudaErrorInvalidValue);
  drain_all();
  Allocation& a = it->second;
  a.live = false;
  in_use -= a.size;
  mprotect(a.mapping, a.mapped, PROT_READ);
  for (char* c = a.mapping; c < a.mapping + a.mapped; c = c + 1 == a.base ? a.base + a.size : c + 1)
    if ((c < a.base || c >= a.base + a.size) && *c != char(0xFF)) {
      fprintf(stderr, "simt: something wrote %td bytes outside device allocation #%d (%zu bytes)\n",
              c < a.base ? a.base - c : c - (a.base + a.size) + 1, a.id, a.size);
      sticky = cudaErrorIllegalAddress;
      break;
    }
  madvise(a.mapping, a.mapped, MADV_DONTNEED);
  mprotect(a.mapping, a.mapped, PROT_NONE);
  return done(cudaSuccess);
}
cudaError_t cudaMallocHost(void** p, size_t n) {
  return *p = malloc(n), done(*p ? cudaSuccess : cudaErrorMemoryAllocation);
}
cudaError_t cudaFreeHost(void* p) { return drain_all(), free(p), done(cudaSuccess); }

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t n, cudaMemcpyKind kind, cudaStream_t stream) {
  bool to_device = arena_range.has(to), from_device = arena_range.has(from);
  if (kind != cudaMemcpyDefault &&
      (to_device != (kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice) ||
       from_device != (kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice)))
    return done(cudaErrorInvalidMemcpyDirection);
  if (n && ((to_device && !inside(to, n)) || (from_device && !inside(from, n)))) return done(cudaErrorInvalidValue);
  return enqueue(stream, [=] { memmove(to, from, n); });
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t n, cudaMemcpyKind kind) {
  NOT_WHILE_CAPTURING();
  cudaError_t e = cudaMemcpyAsync(to, from, n, kind, nullptr);
  return e != cudaSuccess ? e : cudaStreamSynchronize(nullptr);
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t n, cudaStream_t stream) {
  if (n && !inside(to, n)) return done(cudaErrorInvalidValue);
  return enqueue(stream, [=] { memset(to, value, n); });
}

// --- streams and events
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* s, unsigned) {
  return streams.insert(*s = new SimtStream), done(cudaSuccess);
}
cudaError_t cudaStreamCreate(cudaStream_t* s) { return cudaStreamCreateWithFlags(s, 0); }
cudaError_t cudaStreamDestroy(cudaStream_t s) {
  if (!s || !streams.count(s)) return done(cudaErrorInvalidResourceHandle);
  drain(s);
  streams.erase(s);
  delete s;
  return done(cudaSuccess);
}
cudaError_t cudaStreamSynchronize(cudaStream_t s) {
  NOT_WHILE_CAPTURING();
  return drain(get(s)), done(cudaSuccess);
}
cudaError_t cudaStreamQuery(cudaStream_t s) {  // each call makes a little progress, so that polling ends
  NOT_WHILE_CAPTURING();
  if (get(s)->ops.empty()) return done(cudaSuccess);
  DeviceAccess open;
  run_one(get(s));
  return done(cudaErrorNotReady);
}
cudaError_t cudaDeviceSynchronize() {
  NOT_WHILE_CAPTURING();
  return drain_all(), done(cudaSuccess);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* e, unsigned flags) {
  *e = new SimtEvent;
  (*e)->timed = !(flags & cudaEventDisableTiming);
  return done(cudaSuccess);
}
cudaError_t cudaEventCreate(cudaEvent_t* e) { return cudaEventCreateWithFlags(e, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t e) {
  if (e->stream && e->completed < e->recorded) demand(e, e->recorded);  // queued operations still point to it
  delete e;
  return done(cudaSuccess);
}
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t stream) {
  SimtStream* s = get(stream);
  e->capture = s->capture;
  e->stream = s;
  if (s->capture) return done(cudaSuccess);
  uint64_t version = ++e->recorded;
  return enqueue(stream, [=] {
    e->completed = version;
    e->time = std::chrono::steady_clock::now();
  });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t e, unsigned) {
  SimtStream* s = get(stream);
  bool captured = false;
  for (SimtStream* other : streams) captured |= e->capture && other->capture == e->capture;
  if (captured) {  // the waiting stream joins the capture; the graph keeps the order of the calls
    if (s->capture && s->capture != e->capture) return done(cudaErrorStreamCaptureInvalidated);
    s->capture = e->capture;
    if (e->stream != s) s->capture->unjoined.erase(e->stream);
    if (!s->origin) s->capture->unjoined.insert(s);
    return done(cudaSuccess);
  }
  uint64_t version = e->recorded;
  return version ? enqueue(stream, [=] { demand(e, version); }) : done(cudaSuccess);
}
cudaError_t cudaEventSynchronize(cudaEvent_t e) {
  NOT_WHILE_CAPTURING();
  if (e->recorded) demand(e, e->recorded);
  return done(cudaSuccess);
}
cudaError_t cudaEventQuery(cudaEvent_t e) {
  if (e->completed == e->recorded) return done(cudaSuccess);
  return cudaStreamQuery(e->stream), done(cudaErrorNotReady);
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t a, cudaEvent_t b) {
  if (!a->timed || !b->timed || !a->recorded || !b->recorded) return done(cudaErrorInvalidResourceHandle);
  if (a->completed < a->recorded || b->completed < b->recorded) return done(cudaErrorNotReady);
  *ms = std::chrono::duration<float, std::milli>(b->time - a->time).count();
  return done(cudaSuccess);
}

// --- graphs: a list of operations in the order they were captured
cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode) {
  if (!s || s->capture) return done(cudaErrorStreamCaptureUnsupported);  // the null stream cannot be captured
  s->capture = new SimtGraph;
  s->origin = true;
  return done(cudaSuccess);
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t* graph) {
  *graph = nullptr;
  if (!s || !s->capture || !s->origin) return done(cudaErrorStreamCaptureUnmatched);
  SimtGraph* g = s->capture;
  for (SimtStream* other : streams)
    if (other->capture == g) {
      other->capture = nullptr;
      other->origin = false;
    }
  if (g->invalid || !g->unjoined.empty()) {
    cudaError_t e = g->invalid ? cudaErrorStreamCaptureInvalidated : cudaErrorStreamCaptureUnjoined;
    delete g;
    return done(e);
  }
  *graph = g;
  return done(cudaSuccess);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t g, unsigned long long) {
  *exec = new SimtGraphExec{std::make_shared<std::vector<Op>>(g->ops)};
  return done(cudaSuccess);
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  return enqueue(stream, [ops = exec->ops] {
    for (const Op& op : *ops) run_op(op);
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t g) { return delete g, done(cudaSuccess); }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t e) { return delete e, done(cudaSuccess); }
