// A CUDA runtime without a device. Where CUDA leaves a choice, this one takes the choice that shows the bug:
//   streams      nothing runs until the host synchronises or an event that must be complete demands it;
//   memory       device memory is PROT_NONE for the host; its end is flush with a guard page (16-byte granularity);
//                it is filled with NaNs; freed addresses are never used again;
//   null stream  an ordinary stream: it synchronises with no other;
//   errors       a failed launch is sticky: every later call returns the error; any call can be made to fail, and the
//                device to be another (SIMT_MEMORY and what stands beside it).
// At the end of the process SIMT_ALIVE=1 lists what has not been given back.
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
#include <string>
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
constexpr size_t kArena = size_t(64) << 30;  // address space
size_t memory = size_t(16) << 30;            // what the device claims to have
int driver_version = CUDART_VERSION;         // 0: there is no driver
int capability_major = 8, capability_minor = 0;
int devices = 1;
bool has_image = true;                     // the module has code for the device
const char* lost_once_there_is = nullptr;  // a file
const size_t kPage = size_t(sysconf(_SC_PAGESIZE));
std::map<char*, Allocation> allocations;  // those that were freed, too
std::set<Allocation*> live;
char* next_free;
size_t in_use;
int allocation_count, mallocs_until_failure = -1;
SimtStream null_stream;
std::set<SimtStream*> streams{&null_stream};
std::set<SimtEvent*> events;
std::set<SimtGraph*> graphs;
std::set<SimtGraphExec*> executables;
std::set<void*> host_allocations;
int misuses;                                                                // of what isn't there (any more)
void* const kGarbage = reinterpret_cast<void*>(uintptr_t{0xBAD0BAD0BAD0});  // in a result that is none
cudaError_t last_error = cudaSuccess, sticky = cudaSuccess;
char report[sizeof(Failure::text)] = "";
std::map<const void*, int> max_dynamic;

cudaError_t Done(cudaError_t e) {
  if (sticky != cudaSuccess) e = sticky;
  if (e != cudaSuccess && e != cudaErrorNotReady) last_error = e;
  return e;
}

cudaError_t Misused(cudaError_t error) {
  ++misuses;
  return Done(error);
}

// --- errors on demand
long calls, failing_call;  // counted from 1; 0: none
bool failure_stays;

// To be asked by every call that can fail; `error` is what it fails with.
cudaError_t Demanded(cudaError_t error) {
  if (lost_once_there_is && access(lost_once_there_is, F_OK) == 0) {
    sticky = cudaErrorECCUncorrectable;
    return Done(sticky);
  }
  if (++calls != failing_call) return cudaSuccess;
  if (failure_stays) sticky = error = cudaErrorIllegalAddress;
  return Done(error);
}
#define FAILS_ON_DEMAND(error) \
  if (const cudaError_t demanded = Demanded(error)) return demanded

std::string Alive() {
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

// --- device memory, and who may touch it when
int scopes;
bool all_open;
void SetAccess(int protection) {
  for (const Allocation* a : live) mprotect(a->mapping, a->mapped, protection);
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
class BlockAccess {  // for a copy: that of what holds p, which may be memory of the host
 public:
  explicit BlockAccess(const void* p) {
    if (all_open || !arena_range.has(p)) return;
    block_ = FindAllocation(p);
    mprotect(block_->mapping, block_->mapped, PROT_READ | PROT_WRITE);
  }
  ~BlockAccess() {
    if (block_ != nullptr) mprotect(block_->mapping, block_->mapped, PROT_NONE);
  }

 private:
  const Allocation* block_ = nullptr;
};

void OnFault(int, siginfo_t* info, void* context) {
  signal(SIGSEGV, SIG_DFL);
  auto* uc = static_cast<ucontext_t*>(context);
#if defined(__x86_64__)
  auto* pc = reinterpret_cast<void*>(uc->uc_mcontext.gregs[REG_RIP]);
#else
  auto* pc = reinterpret_cast<void*>(uc->uc_mcontext.pc);
#endif
  char what[256], where[512], who[128] = "host code";
  DescribeAddress(info->si_addr, what, sizeof what);
  DescribeCode(pc, where, sizeof where);
  if (in_kernel) DescribeThread(ThreadInBlock(), who, sizeof who);
  bool device = arena_range.has(info->si_addr);
  fprintf(stderr, "simt: fault: %s touched %s\n  in %s%s%s\n", who, what, where, in_kernel ? "; schedule " : "",
          in_kernel ? ScheduleName()
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
    action.sa_sigaction = OnFault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
    if (const char* n = getenv("SIMT_FAIL_MALLOC")) mallocs_until_failure = atoi(n);
    if (const char* n = getenv("SIMT_FAIL")) {  // N, or N:stays for one that is there to stay
      failing_call = atol(n);
      failure_stays = strstr(n, ":stays") != nullptr;
    }
    if (const char* n = getenv("SIMT_MEMORY")) memory = size_t(atol(n)) << 20;  // MiB
    if (const char* n = getenv("SIMT_DRIVER")) {                                // 12.4, or 0 for none
      int major = 0, minor = 0;
      sscanf(n, "%d.%d", &major, &minor);
      driver_version = 1000 * major + 10 * minor;
    }
    if (const char* n = getenv("SIMT_CAPABILITY")) sscanf(n, "%d.%d", &capability_major, &capability_minor);
    if (const char* n = getenv("SIMT_DEVICES")) devices = atoi(n);  // 0 or 1
    has_image = getenv("SIMT_NO_IMAGE") == nullptr;
    lost_once_there_is = getenv("SIMT_LOST");
    if (const char* s = getenv("SIMT_SCHEDULE")) {  // ascending, descending, shuffle or shuffle:SEED
      if (!strcmp(s, "descending")) SetSchedule(Schedule::kDescending);
      if (!strncmp(s, "shuffle", 7)) SetSchedule(Schedule::kShuffle, s[7] == ':' ? unsigned(atoi(s + 8)) : 1);
    }
  }
  ~Start() {
    if (getenv("SIMT_ALIVE") == nullptr) return;
    const std::string alive = Alive();
    fprintf(stderr, "simt: %ld calls; still there: %s\n", calls, alive.empty() ? "nothing" : alive.c_str());
    fflush(nullptr);
    if (!alive.empty()) _exit(98);
  }
};

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
  RunOp(op);
}
void Drain(SimtStream* s) {
  Scope scope;
  while (!s->ops.empty()) RunOne(s);
}
void DrainAll() {  // streams in the order of their addresses, which is as good as any
  Scope scope;
  for (SimtStream* s : streams) Drain(s);
}
void Demand(SimtEvent* e, uint64_t version) {  // runs the event's stream just far enough
  Scope scope;
  while (e->completed < version && !e->stream->ops.empty()) RunOne(e->stream);
}
cudaError_t Enqueue(cudaStream_t stream, Op op) {
  SimtStream* s = Get(stream);
  if (sticky != cudaSuccess) return Done(sticky);
  if (s->capture) {
    s->capture->ops.push_back(std::move(op));
    if (!s->origin) s->capture->unjoined.insert(s);
  } else {
    s->ops.push_back(std::move(op));
  }
  return Done(cudaSuccess);
}
// Calls that wait or allocate are forbidden while any stream is being captured, and spoil the capture.
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
}  // namespace

Range arena_range;
static Start start;

const Allocation* FindAllocation(const void* p) {
  static const Allocation* last;
  auto* c = static_cast<char*>(const_cast<void*>(p));
  if (last && c >= last->base && c < last->base + last->size) return last;
  auto it = allocations.upper_bound(c);
  return it == allocations.begin() ? nullptr : last = &std::prev(it)->second;
}
void DescribeAddress(const void* p, char* text, size_t size) {
  auto* c = static_cast<const char*>(p);
  const Allocation* a = arena_range.has(p) ? FindAllocation(p) : nullptr;
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
void FailMallocAfter(int successes) { mallocs_until_failure = successes; }
const char* LastReport() { return report; }
void ForgetFailure() {
  for (SimtStream* s : streams) s->ops.clear();
  sticky = last_error = cudaSuccess;
  report[0] = 0;
}
cudaError_t SetMaxDynamicShared(const void* kernel, int bytes) {
  FAILS_ON_DEMAND(cudaErrorInvalidValue);
  if (bytes < 0 || size_t(bytes) > kMaxDynamicShared) return Done(cudaErrorInvalidValue);
  max_dynamic[kernel] = bytes;
  return Done(cudaSuccess);
}
cudaError_t FindKernel() {
  FAILS_ON_DEMAND(cudaErrorNoKernelImageForDevice);
  return Done(has_image ? cudaSuccess : cudaErrorNoKernelImageForDevice);
}
cudaError_t EnqueueLaunch(cudaStream_t stream, const Launch& l, std::function<void(const Launch&)> call) {
  FAILS_ON_DEMAND(cudaErrorLaunchOutOfResources);
  size_t threads = size_t(l.block.x) * l.block.y * l.block.z;
  auto limit = max_dynamic.find(l.kernel);
  if (!threads || threads > 1024 || l.block.z > 64 || !l.grid.x || !l.grid.y || !l.grid.z || l.grid.y > 65535 ||
      l.grid.z > 65535)
    return Done(cudaErrorInvalidConfiguration);
  if (l.dynamic_shared > (limit == max_dynamic.end() ? 48 * 1024 : size_t(limit->second)))
    return Done(cudaErrorInvalidValue);
  return Enqueue(stream, [=] {
    OpenAll();
    call(l);
  });
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
  if (devices == 0) return Done(cudaErrorNoDevice);
  *n = devices;
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
  properties->totalGlobalMem = memory;
  properties->major = capability_major, properties->minor = capability_minor;
  return Done(cudaSuccess);
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  FAILS_ON_DEMAND(cudaErrorInvalidValue);
  *total = memory;
  *free = memory - in_use;
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
  size_t mapped = (size + kPage - 1) / kPage * kPage;
  bool inject = mallocs_until_failure >= 0 && mallocs_until_failure-- == 0;
  if (inject || in_use + size > memory || next_free + mapped + kPage > arena_range.end) {
    *p = kGarbage;
    return Done(cudaErrorMemoryAllocation);
  }
  Allocation a{next_free + mapped - (size + 15) / 16 * 16, size, next_free, mapped, ++allocation_count, true};
  mprotect(a.mapping, mapped, PROT_READ | PROT_WRITE);
  memset(a.mapping, 0xFF, mapped);
  if (!all_open) mprotect(a.mapping, mapped, PROT_NONE);
  next_free += mapped + kPage;  // a guard page follows
  in_use += size;
  live.insert(&(allocations[a.base] = a));
  *p = a.base;
  return Done(cudaSuccess);
}
cudaError_t cudaFree(void* p) {
  NOT_WHILE_CAPTURING();
  // What gives something back does so even when it fails: the error may be an older one.
  const cudaError_t demanded = Demanded(cudaErrorUnknown);
  if (!p) return Done(cudaSuccess);
  auto it = allocations.find(static_cast<char*>(p));
  if (it == allocations.end() || !it->second.live) return Misused(cudaErrorInvalidValue);
  DrainAll();
  Allocation& a = it->second;
  a.live = false;
  live.erase(&a);
  in_use -= a.size;
  mprotect(a.mapping, a.mapped, PROT_READ);
  for (char* c = a.mapping; c < a.mapping + a.mapped; c = c + 1 == a.base ? a.base + a.size : c + 1)
    if ((c < a.base || c >= a.base + a.size) && *c != char(0xFF)) {
      fprintf(stderr, "simt: something wrote %td bytes outside device allocation #%d (%zu bytes)\n",
              c < a.base ? a.base - c : c - (a.base + a.size) + 1, a.id, a.size);
      sticky = cudaErrorIllegalAddress;
      break;
    }
  // Mapped anew rather than protected: the kernel can then join it to its neighbours.
  mmap(a.mapping, a.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  return demanded != cudaSuccess ? demanded : Done(cudaSuccess);
}
cudaError_t cudaMallocHost(void** p, size_t n) {
  NOT_WHILE_CAPTURING();
  *p = kGarbage;
  FAILS_ON_DEMAND(cudaErrorMemoryAllocation);
  void* made = malloc(n);
  if (!made) return Done(cudaErrorMemoryAllocation);
  memset(made, 0xFF, n);
  host_allocations.insert(made);
  *p = made;
  return Done(cudaSuccess);
}
cudaError_t cudaFreeHost(void* p) {
  NOT_WHILE_CAPTURING();
  const cudaError_t demanded = Demanded(cudaErrorUnknown);
  if (!p) return Done(cudaSuccess);
  if (!host_allocations.count(p)) return Misused(cudaErrorInvalidValue);
  DrainAll();
  host_allocations.erase(p);
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
  return Enqueue(stream, [=] {
    BlockAccess read(from), write(to);
    memmove(to, from, n);
  });
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t n, cudaMemcpyKind kind) {
  NOT_WHILE_CAPTURING();
  cudaError_t e = cudaMemcpyAsync(to, from, n, kind, nullptr);
  return e != cudaSuccess ? e : cudaStreamSynchronize(nullptr);
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
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* s, unsigned) {
  FAILS_ON_DEMAND(cudaErrorMemoryAllocation);
  streams.insert(*s = new SimtStream);
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
  // Queued operations still point to it. (A stream that is gone has run them.)
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
cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode) {
  FAILS_ON_DEMAND(cudaErrorUnknown);
  if (!s || s->capture) return Done(cudaErrorStreamCaptureUnsupported);  // the null stream cannot be captured
  s->capture = new SimtGraph;
  s->origin = true;
  return Done(cudaSuccess);
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t* graph) {
  const cudaError_t demanded = Demanded(cudaErrorStreamCaptureInvalidated);  // the capture is over all the same
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

// For tests that have this library open (dlsym).
#define SIMT_EXPORT extern "C" __attribute__((visibility("default")))
SIMT_EXPORT void simt_fail_call(long number, bool stays) {  // counted from now on
  calls = 0;
  failing_call = number;
  failure_stays = stays;
}
SIMT_EXPORT void simt_fail_malloc(int successes) { FailMallocAfter(successes); }
SIMT_EXPORT long simt_calls() { return calls; }
SIMT_EXPORT const char* simt_alive() {  // until the next call; empty if there is nothing
  static std::string text;
  text = Alive();
  return text.c_str();
}
