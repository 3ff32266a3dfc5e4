// The emulator's own test: correct code works and every mistake is reported. It is built without
// and with the race detector, which has cases of its own, and by nvcc for a real GPU, with only the
// cases about the CUDA runtime. Every case runs in a child process, because some end in a fault.
// The limit is one minute: it ends a case that hangs, and creating a GPU's context takes seconds
// under a sanitizer.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/kernel.cuh"
#include "cuda/ptx.cuh"

// Replaces the driver's function, which Launch() calls.
nano::gpu::Outcome nano::cuda::OutcomeOf(cudaError_t error, const char*, Message&) {
  return error == cudaSuccess ? Outcome::kOk : Outcome::kLost;
}

namespace {
[[noreturn]] void GiveUp(int line, const char* what, const char* why) {
  printf("line %d: %s: %s\n", line, what, why);
  fflush(stdout);
  _exit(1);
}
#define MUST(call)                                                                \
  do {                                                                            \
    if (cudaError_t e_ = (call)) GiveUp(__LINE__, #call, cudaGetErrorString(e_)); \
  } while (0)
#define EXPECT(x)                             \
  do {                                        \
    if (!(x)) GiveUp(__LINE__, #x, "not so"); \
  } while (0)

template <class... P, class... A>
cudaError_t launch(void (*kernel)(P...), dim3 grid, dim3 block, cudaStream_t s, size_t shared, A... args) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.stream = s;
  config.dynamicSmemBytes = shared;
  return cudaLaunchKernelEx(&config, kernel, args...);
}
template <class T>
T* device(size_t n) {
  T* p;
  MUST(cudaMalloc(&p, n * sizeof(T)));
  return p;
}
template <class T>
std::vector<T> host(const T* p, size_t n) {
  std::vector<T> v(n);
  MUST(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost));
  return v;
}
// Runs one warp or block on an array of 64 ints and synchronizes. Returns the error of the launch.
template <class K>
cudaError_t run(K kernel, unsigned threads = 32, int* data = nullptr, unsigned blocks = 1, size_t shared = 0) {
  if (!data) data = device<int>(64);
  MUST(launch(kernel, dim3(blocks), dim3(threads), nullptr, shared, data));
  return cudaDeviceSynchronize();
}

// --- device code that is correct
__global__ void FillDynamic(int* data, int n) {
  for (int i = int(threadIdx.x); i < n; i += int(blockDim.x)) dynamic_shared[i] = 1;
  __syncthreads();
  data[threadIdx.x] = dynamic_shared[n - 1];
}
__global__ void AddOne(int* data) { data[threadIdx.x] += 1; }
__global__ void Twice(int* data) { data[threadIdx.x] *= 2; }

#ifdef SIMT_EMULATOR
__global__ void SpinLock(int* data) {  // only fair scheduling lets a contended warp finish (a race: no fences)
  while (atomicCAS(&data[0], 0, 1) != 0) {
  }
  data[1] = data[1] + 1;
  atomicExch(&data[0], 0);
}

// --- device code with a mistake
__global__ void LaneMissing(int* out) {
  if (threadIdx.x != 13) out[threadIdx.x] = __shfl_sync(~0u, 1, 0);
}
__global__ void TwoBarriers(int* out) {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
  out[threadIdx.x] = 0;
}
__global__ void BarrierMissed(int* out) {
  if (threadIdx.x == 40) return;
  __syncthreads();
  out[threadIdx.x] = 0;
}
__global__ void NotInMask(int* out) { out[threadIdx.x] = __shfl_sync(1u, 1, 0); }
__global__ void PastTheEnd(int* out) { out[64 + threadIdx.x] = 1; }
__global__ void PastByOne(int* out) {
  out[threadIdx.x + 2] = 1;
}  // the allocation has 33 ints: this is within the 16-byte slack
__global__ void Misaligned(int* out) { reinterpret_cast<int4*>(out + 1)[threadIdx.x] = int4{}; }
__global__ void CarriedOver(int* out) {  // reads what the previous block left in shared memory
  __shared__ int s;
  if (blockIdx.x == 0) s = 7;
  out[blockIdx.x] = s;
}
__global__ void GridBarrier(int* data) {  // blocks wait for each other, which requires a cooperative launch
  atomicAdd(data, 1);
  while (atomicAdd(data, 0) != int(gridDim.x)) {
  }
}
__global__ void RaceShared(int* out) {
  __shared__ int s[64];
  s[threadIdx.x] = 1;
  out[threadIdx.x] = s[threadIdx.x ^ 32];
}
__global__ void RaceWarp(int* out) {  // a shuffle does not order memory accesses
  __shared__ int s[64];
  s[threadIdx.x] = 1;
  int v = __shfl_xor_sync(~0u, 0, 1);
  out[threadIdx.x] = s[threadIdx.x ^ 1] + v;
}
__global__ void RaceBlocks(int* out) { out[threadIdx.x] = int(blockIdx.x); }
__global__ void RaceBytes(int* out) {  // neighbours in one word do not race; the two threads of a pair do
  __shared__ unsigned char s[64];
  s[threadIdx.x] = 1;
  __syncthreads();
  s[threadIdx.x / 2] = 2;
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x];
}
__global__ void NoRaceBytes(int* out) {
  __shared__ unsigned char s[64];
  s[threadIdx.x] = 1;
  out[threadIdx.x] = s[threadIdx.x];
}
__global__ void OwnCopyUnwaited(int* out) {
  __shared__ __align__(16) int s[256];
  ptx::cp_async16(&s[threadIdx.x * 4], out);
  ptx::cp_async_commit();
  out[threadIdx.x] = s[threadIdx.x * 4];
}
__global__ void HostPointer(int* out) {
  if (threadIdx.x == 0) *out = 1;
}
#endif

// --- the cases
enum Mode { Plain = 1, Race = 2, Both = 3 };
struct Case {
  const char* name;
  void (*body)();
  const char* expected;
  Mode mode;
};  // expected: text that the output must contain; null: success
std::vector<int> ramp() {
  std::vector<int> v(64);
  for (int i = 0; i < 64; ++i) v[size_t(i)] = i;
  return v;
}
std::vector<int> source;
int* uploaded() {
  source = ramp();
  int* p = device<int>(64);
  MUST(cudaMemcpy(p, source.data(), 256, cudaMemcpyHostToDevice));
  return p;
}

const Case cases[] = {
    {"less dynamic shared memory after more",
     [] {
       int* p = device<int>(64);
       MUST(launch(FillDynamic, dim3(1), dim3(64), nullptr, 1000, p, 1000));
       MUST(launch(FillDynamic, dim3(1), dim3(64), nullptr, 900, p, 900));
       EXPECT(host(p, 64)[5] == 1);
     },
     nullptr, Both},
#ifdef SIMT_EMULATOR
    {"a spin lock makes progress",
     [] {
       int* p = device<int>(2);
       MUST(cudaMemsetAsync(p, 0, 8));
       MUST(launch(SpinLock, dim3(1), dim3(64), nullptr, 0, p));
       EXPECT(host(p, 2)[1] == 64);
     },
     nullptr, Plain},
    {"past the end of dynamic shared memory",
     [] {
       int* p = device<int>(64);
       MUST(launch(FillDynamic, dim3(1), dim3(64), nullptr, 900, p, 901));
       cudaDeviceSynchronize();
     },
     "dynamic shared memory", Plain},
#endif
    {"streams are lazy; an event orders them",
     [] {
       cudaStream_t a, b;
       cudaEvent_t e;
       int* p = uploaded();
       MUST(cudaStreamCreate(&a));
       MUST(cudaStreamCreate(&b));
       MUST(cudaEventCreate(&e));
       std::vector<int> got(64, -1);
       MUST(launch(AddOne, dim3(1), dim3(64), a, 0, p));
       MUST(cudaEventRecord(e, a));
       MUST(cudaStreamWaitEvent(b, e));
       MUST(launch(Twice, dim3(1), dim3(64), b, 0, p));
       MUST(cudaMemcpyAsync(got.data(), p, 256, cudaMemcpyDeviceToHost, b));
#ifdef SIMT_EMULATOR  // a real GPU may have finished already
       EXPECT(got[3] == -1);
       EXPECT(cudaEventQuery(e) == cudaErrorNotReady);
#endif
       MUST(cudaStreamSynchronize(b));
       EXPECT(got[3] == 8);
     },
     nullptr, Both},
#ifdef SIMT_EMULATOR
    {"a missing event shows",
     [] {
       cudaStream_t a, b;
       int* p = uploaded();
       MUST(cudaStreamCreate(&a));
       MUST(cudaStreamCreate(&b));
       std::vector<int> got(64, -1);
       MUST(launch(AddOne, dim3(1), dim3(64), a, 0, p));
       MUST(cudaMemcpyAsync(got.data(), p, 256, cudaMemcpyDeviceToHost, b));
       MUST(cudaStreamSynchronize(b));
       EXPECT(got[3] == 3);  // the stale value
     },
     nullptr, Both},
#endif
    {"graph: capture with a fork, replay twice",
     [] {
       cudaStream_t a, b;
       cudaEvent_t fork, join;
       cudaGraph_t g;
       cudaGraphExec_t x;
       int* p = uploaded();
       MUST(cudaStreamCreate(&a));
       MUST(cudaStreamCreate(&b));
       MUST(cudaEventCreate(&fork));
       MUST(cudaEventCreate(&join));
       MUST(cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed));
       MUST(launch(AddOne, dim3(1), dim3(64), a, 0, p));
       MUST(cudaEventRecord(fork, a));
       MUST(cudaStreamWaitEvent(b, fork));
       MUST(launch(Twice, dim3(1), dim3(64), b, 0, p));
       MUST(cudaEventRecord(join, b));
       MUST(cudaStreamWaitEvent(a, join));
       MUST(cudaStreamEndCapture(a, &g));
       MUST(cudaGraphInstantiate(&x, g, 0));
       MUST(cudaGraphDestroy(g));
       EXPECT(host(p, 64)[3] == 3);
       MUST(cudaGraphLaunch(x, a));
       MUST(cudaGraphLaunch(x, a));
       MUST(cudaStreamSynchronize(a));
       EXPECT(host(p, 64)[3] == 18);
       MUST(cudaGraphExecDestroy(x));
     },
     nullptr, Both},
    {"graph: a fork that is not joined; a malloc inside",
     [] {
       cudaStream_t a, b;
       cudaEvent_t fork;
       cudaGraph_t g;
       int *p = uploaded(), *q;
       MUST(cudaStreamCreate(&a));
       MUST(cudaStreamCreate(&b));
       MUST(cudaEventCreate(&fork));
       MUST(launch(Twice, dim3(1), dim3(64), a, 0, p));  // loads its module
       MUST(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
       MUST(cudaEventRecord(fork, a));
       MUST(cudaStreamWaitEvent(b, fork));
       MUST(launch(Twice, dim3(1), dim3(64), b, 0, p));
       EXPECT(cudaStreamEndCapture(a, &g) == cudaErrorStreamCaptureUnjoined);
       MUST(cudaStreamBeginCapture(a, cudaStreamCaptureModeGlobal));
       EXPECT(cudaMalloc(&q, 4) == cudaErrorStreamCaptureUnsupported);
       EXPECT(cudaStreamEndCapture(a, &g) == cudaErrorStreamCaptureInvalidated);
     },
     nullptr, Both},
#ifdef SIMT_EMULATOR
    {"graph: a module is loaded in a capture that is not relaxed",
     [] {
       cudaStream_t a;
       cudaGraph_t g;
       int* p = uploaded();
       MUST(cudaStreamCreate(&a));
       MUST(cudaStreamBeginCapture(a, cudaStreamCaptureModeThreadLocal));
       EXPECT(launch(AddOne, dim3(1), dim3(64), a, 0, p) == cudaErrorStreamCaptureUnsupported);
       EXPECT(cudaFuncSetAttribute(AddOne, cudaFuncAttributeMaxDynamicSharedMemorySize, 50000) ==
              cudaErrorStreamCaptureUnsupported);
       EXPECT(cudaStreamEndCapture(a, &g) == cudaErrorStreamCaptureInvalidated);
       MUST(launch(AddOne, dim3(1), dim3(64), a, 0, p));
       MUST(cudaStreamBeginCapture(a, cudaStreamCaptureModeThreadLocal));
       MUST(launch(AddOne, dim3(1), dim3(64), a, 0, p));
       MUST(cudaStreamEndCapture(a, &g));
     },
     nullptr, Both},
    {"graph: a copy from memory that is not pinned",
     [] {
       cudaStream_t a;
       cudaGraph_t g;
       int *p = uploaded(), *pinned;
       MUST(cudaMallocHost(&pinned, 256));
       MUST(cudaStreamCreate(&a));
       MUST(cudaStreamBeginCapture(a, cudaStreamCaptureModeRelaxed));
       MUST(cudaMemcpyAsync(p, pinned + 32, 128, cudaMemcpyHostToDevice, a));
       EXPECT(cudaMemcpyAsync(p, source.data(), 256, cudaMemcpyHostToDevice, a) == cudaErrorStreamCaptureUnsupported);
       EXPECT(cudaStreamEndCapture(a, &g) == cudaErrorStreamCaptureInvalidated);
     },
     nullptr, Both},
    {"a copy from memory that is not pinned, and a stream that does not wait for it",
     [] {
       cudaStream_t a;
       int* p = uploaded();
       MUST(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
       MUST(launch(AddOne, dim3(1), dim3(64), a, 0, p));
       MUST(cudaStreamSynchronize(a));
       EXPECT(host(p, 64)[3] == 3);  // the copy ran later
       MUST(cudaMemcpy(p, source.data(), 256, cudaMemcpyHostToDevice));
       MUST(cudaStreamSynchronize(nullptr));
       MUST(launch(AddOne, dim3(1), dim3(64), a, 0, p));
       MUST(cudaStreamSynchronize(a));
       EXPECT(host(p, 64)[3] == 4);
     },
     nullptr, Both},
#endif
    {"the null stream and others wait for each other",
     [] {
       cudaStream_t a;
       int* p = uploaded();
       MUST(cudaStreamCreate(&a));
       for (int i = 0; i < 3; ++i) {
         MUST(launch(AddOne, dim3(1), dim3(64), a, 0, p));
         MUST(launch(Twice, dim3(1), dim3(64), nullptr, 0, p));
       }
       EXPECT(host(p, 64)[3] == 38);
     },
     nullptr, Both},
    {"launches of too many blocks, and of none",
     [] {
       using nano::gpu::Outcome;
       int* p = uploaded();
       nano::gpu::Queue queue{};
       nano::gpu::Call call{};
       call.queue = &queue;
       nano::gpu::Message message;
       const auto outcome = [&](nano::cuda::Grid grid) {
         message = {};
         return nano::cuda::Launch(call, message, grid, AddOne, p);
       };
       constexpr int64_t kMost = (int64_t{1} << 31) - 1;
       EXPECT(outcome({0, 64}) == Outcome::kOk && outcome({1, 64, 0, 0}) == Outcome::kOk);
       EXPECT(outcome({1, 64, 0, 1, 0}) == Outcome::kOk);
       EXPECT(host(p, 64)[3] == 3);
       EXPECT(outcome({kMost + 1, 64}) == Outcome::kUnsupported);
       EXPECT(strstr(message.text, "2147483648 × 1 × 1 blocks") && strstr(message.text, "batchSize"));
       EXPECT(outcome({1, 64, 0, 65536}) == Outcome::kUnsupported);
       EXPECT(outcome({1, 64, 0, 1, 65536}) == Outcome::kUnsupported);
       EXPECT(outcome({1, 64, 0, 65535, 1}) == Outcome::kOk && outcome({1, 64, 0, 1, 65535}) == Outcome::kOk);
       EXPECT(launch(AddOne, dim3(0), dim3(1), nullptr, 0, p) == cudaErrorInvalidConfiguration);
       EXPECT(launch(AddOne, dim3(1, 65536), dim3(1), nullptr, 0, p) == cudaErrorInvalidConfiguration);
       EXPECT(launch(AddOne, dim3(1, 1, 65536), dim3(1), nullptr, 0, p) == cudaErrorInvalidConfiguration);
       EXPECT(launch(AddOne, dim3(1u << 31), dim3(1), nullptr, 0, p) == cudaErrorInvalidConfiguration);
     },
     nullptr, Both},
    {"launches that are refused",
     [] {
       int* p = device<int>(64);
       EXPECT(launch(AddOne, dim3(1), dim3(1025), nullptr, 0, p) == cudaErrorInvalidConfiguration);
       EXPECT(launch(AddOne, dim3(1), dim3(1), nullptr, 50000, p) == cudaErrorInvalidValue);
       MUST(cudaFuncSetAttribute(AddOne, cudaFuncAttributeMaxDynamicSharedMemorySize, 50000));
       MUST(launch(AddOne, dim3(1), dim3(1), nullptr, 50000, p));
       MUST(cudaDeviceSynchronize());
     },
     nullptr, Both},
#ifdef SIMT_EMULATOR
    {"errors on demand and of the caller",
     [] {
       int* p;
       simt::FailMallocAfter(1);
       MUST(cudaMalloc(&p, 4));
       EXPECT(cudaMalloc(&p, 4) == cudaErrorMemoryAllocation && cudaGetLastError() == cudaErrorMemoryAllocation);
       MUST(cudaMalloc(&p, 256));
       EXPECT(cudaMemcpy(p, p + 1, 4, cudaMemcpyHostToDevice) == cudaErrorInvalidMemcpyDirection);
       EXPECT(cudaMemsetAsync(p, 0, 257) == cudaErrorInvalidValue);
       MUST(cudaFree(p));
       EXPECT(cudaFree(p) == cudaErrorInvalidValue);
     },
     nullptr, Both},
    {"a failed launch is sticky",
     [] {
       EXPECT(run(NotInMask) == cudaErrorLaunchFailure);
       int* p;
       EXPECT(cudaMalloc(&p, 4) == cudaErrorLaunchFailure);
     },
     "is not in mask 00000001", Both},

    {"lane never arrives", [] { run(LaneMissing); }, "threads 0-12,14-31; threads 13 never arrive", Both},
    {"divergent barrier", [] { run(TwoBarriers, 64); }, "divergent __syncthreads", Both},
    {"barrier missed by one thread", [] { run(BarrierMissed, 64); },
     "threads 0-39,41-63, 63 of 64\n  exited: threads 40", Both},
    {"write past the end", [] { run(PastTheEnd); }, "past device allocation", Both},
    {"host reads device memory",
     [] {
       int* p = uploaded();
       printf("%d\n", *p);
     },
     "a missing cudaMemcpy?", Both},
    {"use after free",
     [] {
       int* p = uploaded();
       MUST(cudaFree(p));
       run(AddOne, 32, p);
     },
     "freed device allocation", Both},
    {"shared memory carried over between blocks",
     [] {
       int* p = device<int>(64);
       run(CarriedOver, 1, p, 2);
       if (!simt::LastReport()[0] && host(p, 2)[1] == -1) fprintf(stderr, "uninitialized: poison\n");
     },
     "uninitialized", Both},
    {"blocks waiting for each other",
     [] {
       int* p = device<int>(1);
       MUST(cudaMemsetAsync(p, 0, 4));
       run(GridBarrier, 1, p, 2);
     },
     "livelock", Both},
    {"misaligned", [] { run(Misaligned, 2, device<int>(9)); }, "misaligned", Both},

    {"race: across warps", [] { run(RaceShared, 64); }, "RaceShared at selftest.cu", Race},
    {"race: within a warp, a shuffle is no fence", [] { run(RaceWarp); }, "RaceWarp at selftest.cu", Race},
    {"race: across blocks", [] { run(RaceBlocks, 32, nullptr, 2); }, "race on device allocation", Race},
    {"race: bytes", [] { run(RaceBytes, 64); }, "race on shared memory", Race},
    {"no race: neighbouring bytes", [] { MUST(run(NoRaceBytes, 64)); }, nullptr, Race},
    {"cp.async read by its own thread before the wait", [] { run(OwnCopyUnwaited); },
     "cp.async has not been waited for", Race},
    {"out of bounds by one element", [] { run(PastByOne, 32, device<int>(33)); }, "out of bounds", Race},
    {"host pointer given to a kernel",
     [] {
       static std::vector<int> v(64);
       run(HostPointer, 32, v.data());
     },
     "device code touches address", Race},
#endif
};

#ifdef SIMT_EMULATOR
const std::vector<simt::Schedule> schedules = {simt::Schedule::kAscending, simt::Schedule::kDescending,
                                               simt::Schedule::kShuffle};
const char* begin(simt::Schedule schedule) {
  simt::SetSchedule(schedule, 7);
  return simt::ScheduleName();
}
#else
const std::vector<int> schedules = {0};
const char* begin(int) { return "GPU"; }
#endif
constexpr unsigned kSeconds = 60;
}  // namespace

int main(int count, char**) {
  const bool race = count > 1;
  int bad = 0, total = 0;
  for (const Case& c : cases) {
    if (!(c.mode & (race ? Race : Plain))) continue;
    for (auto schedule : schedules) {
      int fd[2];
      if (pipe(fd)) return 1;
      fflush(stdout);
      pid_t child = fork();
      if (!child) {
        dup2(fd[1], 1);
        dup2(fd[1], 2);
        alarm(kSeconds);
        begin(schedule);
        c.body();
        fflush(stdout);
        _exit(0);
      }
      close(fd[1]);
      std::string text;
      char buffer[4096];
      for (ssize_t n; (n = read(fd[0], buffer, sizeof buffer)) > 0;) text.append(buffer, size_t(n));
      close(fd[0]);
      int status;
      waitpid(child, &status, 0);
      const bool good = c.expected ? text.find(c.expected) != text.npos : status == 0 && text.empty();
      ++total;
      if (!good)
        ++bad, printf("BAD %s [%s]: expected %s; status %d; output:\n%s\n", c.name, begin(schedule),
                      c.expected ? c.expected : "success", status, text.c_str());
    }
  }
  printf("selftest (%s): %d of %d good\n", race ? "race" : "plain", total - bad, total);
  return bad != 0;
}
