// The core: fibres, the three schedules, barriers and collectives, and what is said when they go wrong.
#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "hooks.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;
__thread __align__(128) unsigned char dynamic_shared[simt::kMaxDynamicShared + 256];  // the rest is a canary

// simt_switch(&save_sp, load_sp): pushes the callee-saved registers, swaps stacks, pops the other fibre's.
// (mxcsr/fpcr are left alone: nobody changes the rounding mode.)
extern "C" void simt_switch(void** save_sp, void* load_sp);
#if defined(__x86_64__)
asm(R"(
  .text
  .globl simt_switch
  .type simt_switch, @function
simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size simt_switch, .-simt_switch
)");
constexpr int kFrameWords = 8, kReturnWord = 6;  // six registers, the return address, one word of alignment
#elif defined(__aarch64__)
asm(R"(
  .text
  .globl simt_switch
  .type simt_switch, %function
simt_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8,  d9,  [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8,  d9,  [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
  .size simt_switch, .-simt_switch
)");
constexpr int kFrameWords = 20, kReturnWord = 11;
#else
#error "simt: write the context switch for this processor"
#endif

namespace simt {
namespace {

constexpr int kMaxThreads = 1024;
constexpr size_t kStack = 128 * 1024;  // virtual; only touched pages cost memory
constexpr int kPoison = 0xFF;          // a NaN in every float format, -1 as an integer

struct Copy {
  void* shared;
  const void* global;
  int group;
};
struct Warp;
struct Fibre {
  void* sp;
  uint3 index;  // threadIdx
  int id, lane;
  Warp* warp;
  bool done;
  const char* waits;  // while asleep: in which barrier or collective, where, with which mask
  Site site;
  unsigned mask;
  std::vector<Copy> copies;  // cp.async in flight
  int group;
};
struct Pending {  // a warp collective that some lanes have entered
  const char* name;
  Site site;
  unsigned mask, arrived;
  void* operands[32];
};
struct Warp {
  unsigned ready, exist;  // lanes that can run; lanes there are
  int index, count;       // of itself; of the pending collectives
  Pending pending[32];
};

Fibre fibres[kMaxThreads];
Warp warps[kMaxThreads / 32];
Fibre* current;
void* main_sp;
int threads, warp_count, finished, at_barrier, yields;
Fibre* first_at_barrier;
const Launch* launch;
Failure failure;
bool failed;

Schedule schedule = Schedule::kAscending;
uint64_t seed = 1, random_state;
int warp_order[kMaxThreads / 32], decisions;

// --- who runs next
Fibre* Pick() {
  if (schedule == Schedule::kAscending) {
    for (int w = 0; w < warp_count; ++w)
      if (unsigned r = warps[w].ready) return &fibres[w * 32 + __builtin_ctz(r)];
  } else if (schedule == Schedule::kDescending) {
    for (int w = warp_count; w-- > 0;)
      if (unsigned r = warps[w].ready) return &fibres[w * 32 + 31 - __builtin_clz(r)];
  } else {
    // Unfair: the same warps are favoured for a while, then the favourites change; lanes start anywhere.
    if (decisions-- <= 0) {
      decisions = int(RandomNumber() % 512);
      for (int w = warp_count - 1; w > 0; --w) std::swap(warp_order[w], warp_order[RandomNumber() % unsigned(w + 1)]);
    }
    for (int i = 0; i < warp_count; ++i) {
      int w = warp_order[i];
      if (unsigned r = warps[w].ready) {
        unsigned turn = RandomNumber() & 31, high = r >> turn << turn;
        return &fibres[w * 32 + __builtin_ctz(high ? high : r)];
      }
    }
  }
  return nullptr;
}

void Go(Fibre* next) {
  Fibre* me = current;
  if (next == me) return;
  current = next;
  threadIdx = next->index;
  simt_switch(&me->sp, next->sp);
}
void LeaveToMain() {
  void* dead;
  simt_switch(current ? &current->sp : &dead, main_sp);
}
void Suspend() {  // the running fibre is no longer ready
  if (Fibre* next = Pick())
    Go(next);
  else
    LeaveToMain();
}
void SleepIn(const char* what, Site site, unsigned mask) {
  current->waits = what;
  current->site = site;
  current->mask = mask;
  current->warp->ready &= ~(1u << current->lane);
  Suspend();
}

[[noreturn]] void FibreMain() {
  launch->body(launch->args);
  current->done = true;
  ++finished;
  current->warp->ready &= ~(1u << current->lane);
  Suspend();
  abort();
}

// --- set-up
void MapStacks() {
  if (stacks_range.begin) return;
  size_t page = size_t(sysconf(_SC_PAGESIZE));
  char* base = static_cast<char*>(
      mmap(nullptr, kStack * kMaxThreads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (base == MAP_FAILED) {
    perror("simt: mmap");
    abort();
  }
  for (int i = 0; i < kMaxThreads; ++i) mprotect(base + i * kStack, page, PROT_NONE);  // catches an overflow
  stacks_range = {base, base + kStack * kMaxThreads};
}

// The thread-local storage of the module that holds the kernels: that is where every __shared__ variable lives.
int FindModule(dl_phdr_info* info, size_t, void* kernel) {
  Range image{nullptr, nullptr}, tls{nullptr, nullptr};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& p = info->dlpi_phdr[i];
    char* start = reinterpret_cast<char*>(info->dlpi_addr + p.p_vaddr);
    if (p.p_type == PT_LOAD) {
      if (!image.begin) image.begin = start;
      image.end = start + p.p_memsz;
    } else if (p.p_type == PT_TLS && info->dlpi_tls_data) {
      tls.begin = static_cast<char*>(info->dlpi_tls_data);
      tls.end = tls.begin + p.p_memsz;
    }
  }
  if (!image.has(kernel)) return 0;
  image_range = image;
  shared_range = tls;
  return 1;
}
void FindShared(const void* kernel) {
  if (image_range.has(kernel) && shared_range.has(dynamic_shared)) return;  // (another host thread has other storage)
  memset(dynamic_shared, kPoison, sizeof dynamic_shared);  // also makes a dlopened module's storage come into being
  dl_iterate_phdr(FindModule, const_cast<void*>(kernel));
  if (!shared_range.has(dynamic_shared))
    Fail("simt.cc must be linked, dynamically, into the module that holds the kernels");
}
constexpr size_t kCanary = 256;  // bytes past the dynamic shared memory that have to stay as they are
void PoisonShared() {
  char* dynamic = reinterpret_cast<char*>(dynamic_shared);
  memset(shared_range.begin, kPoison, size_t(dynamic - shared_range.begin));
  memset(dynamic, kPoison, launch->dynamic_shared + kCanary);  // an earlier launch may have had more
  char* rest = dynamic + sizeof dynamic_shared;
  memset(rest, kPoison, size_t(shared_range.end - rest));
}
void CheckCanary() {
  for (size_t i = launch->dynamic_shared; i < launch->dynamic_shared + kCanary; ++i)
    if (dynamic_shared[i] != kPoison)
      Fail("block (%u,%u,%u) wrote past its %zu bytes of dynamic shared memory, at byte %zu", blockIdx.x, blockIdx.y,
           blockIdx.z, launch->dynamic_shared, i);
}

// --- the report of a deadlock: who waits where, who never came
std::string Ranges(const std::vector<int>& ids) {
  std::string text;
  for (size_t i = 0; i < ids.size();) {
    size_t j = i;
    while (j + 1 < ids.size() && ids[j + 1] == ids[j] + 1) ++j;
    text += (text.empty() ? "" : ",") + std::to_string(ids[i]) + (j > i ? "-" + std::to_string(ids[j]) : "");
    i = j + 1;
  }
  return text;
}
void ReportDeadlock() {
  std::string text;
  std::vector<int> exited;
  std::vector<bool> told(size_t(threads), false);
  for (int i = 0; i < threads; ++i) {
    if (fibres[i].done) exited.push_back(i);
    if (fibres[i].done || told[size_t(i)]) continue;
    const Fibre& f = fibres[i];
    std::vector<int> same;
    for (int j = i; j < threads; ++j) {
      const Fibre& g = fibres[j];
      bool together = !g.done && g.waits == f.waits && g.site.line == f.site.line && g.mask == f.mask &&
                      (!f.mask || i / 32 == j / 32);
      if (together) same.push_back(j), told[size_t(j)] = true;
    }
    char line[256];
    if (f.mask) {
      std::vector<int> missing;
      unsigned arrived = 0;
      for (int p = 0; p < warps[i / 32].count; ++p)
        if (warps[i / 32].pending[p].mask == f.mask) arrived = warps[i / 32].pending[p].arrived;
      for (int j = 0; j < 32; ++j)
        if (f.mask & ~arrived & 1u << j) missing.push_back(i / 32 * 32 + j);
      snprintf(line, sizeof line, "\n  in %s (mask %08x) at %s:%d: threads %s; threads %s never arrive", f.waits,
               f.mask, f.site.file, f.site.line, Ranges(same).c_str(), Ranges(missing).c_str());
    } else {
      snprintf(line, sizeof line, "\n  in %s at %s:%d: threads %s, %zu of %d", f.waits, f.site.file, f.site.line,
               Ranges(same).c_str(), same.size(), threads);
    }
    if (text.size() < 3000) text += line;
  }
  if (!exited.empty()) text += "\n  exited: threads " + Ranges(exited);
  Fail("deadlock in block (%u,%u,%u)%s", blockIdx.x, blockIdx.y, blockIdx.z, text.c_str());
}

void RunBlock() {
  finished = at_barrier = yields = 0;
  first_at_barrier = nullptr;
  failed = false;
  for (int w = 0; w < warp_count; ++w) {
    int lanes = threads - w * 32;
    warps[w].ready = warps[w].exist = lanes >= 32 ? ~0u : (1u << lanes) - 1;
    warps[w].index = w;
    warps[w].count = 0;
    warp_order[w] = w;
  }
  decisions = 0;
  for (int i = 0; i < threads; ++i) {
    Fibre& f = fibres[i];
    f.index = {unsigned(i) % blockDim.x, unsigned(i) / blockDim.x % blockDim.y,
               unsigned(i) / (blockDim.x * blockDim.y)};
    f.id = i;
    f.lane = i % 32;
    f.warp = &warps[i / 32];
    f.done = false;
    f.copies.clear();
    f.group = 0;
    // Stacks that all start at the same offset in a page would fight for eight lines of the L1 cache: stagger them.
    auto* top = reinterpret_cast<void**>(stacks_range.begin + (size_t(i) + 1) * kStack - size_t(i % 29) * 192);
    void** frame = top - kFrameWords;
    memset(frame, 0, kFrameWords * sizeof(void*));
    frame[kReturnWord] = reinterpret_cast<void*>(FibreMain);
    f.sp = frame;
  }
  current = Pick();
  threadIdx = current->index;
  in_kernel = true;
  simt_switch(&main_sp, current->sp);
  in_kernel = false;
  current = nullptr;
  if (!failed && finished < threads) ReportDeadlock();
  if (failed) throw failure;
}
}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
const Hooks* hooks;
Range shared_range, stacks_range, image_range;
bool in_kernel;
const Launch& CurrentLaunch() { return *launch; }
Schedule CurrentSchedule() { return schedule; }
const char* ScheduleName() {
  return schedule == Schedule::kAscending ? "ascending" : schedule == Schedule::kDescending ? "descending" : "shuffle";
}
void SetSchedule(Schedule s, unsigned n) {
  schedule = s;
  seed = n;
}
unsigned RandomNumber() {  // xorshift64*
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return unsigned((random_state * 0x2545F4914F6CDD1Dull) >> 32);
}
int ThreadInBlock() { return current->id; }
int Lane() { return current->lane; }
bool IsShared(const void* p) { return shared_range.has(p); }

void DescribeThread(int thread, char* text, size_t size) {
  const uint3& t = fibres[thread].index;
  snprintf(text, size, "block (%u,%u,%u) thread (%u,%u,%u)", blockIdx.x, blockIdx.y, blockIdx.z, t.x, t.y, t.z);
}
void DescribeCode(const void* address, char* text, size_t size) {
  Dl_info info{};
  dladdr(address, &info);
  char command[512];
  const char* file = info.dli_fname && info.dli_fname[0] == '/' ? info.dli_fname : "/proc/self/exe";
  char resolved[256] = "";
  if (realpath(file, resolved)) file = resolved;
  auto offset = reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(info.dli_fbase);
  snprintf(command, sizeof command, "addr2line -sfe '%s' 0x%zx 2>/dev/null", file, size_t(offset));
  snprintf(text, size, "%p", address);
  FILE* pipe = popen(command, "r");
  if (!pipe) return;
  char function[1024], line[256];
  if (fgets(function, sizeof function, pipe) && fgets(line, sizeof line, pipe)) {
    function[strcspn(function, "\n")] = line[strcspn(line, "\n ")] = 0;
    char* name = abi::__cxa_demangle(function, nullptr, nullptr, nullptr);
    std::string f = name ? name : function;  // "void (anonymous namespace)::kernel<true>(float*, int)"
    free(name);
    if (size_t at = f.find("(anonymous namespace)::"); at != f.npos) f = f.substr(at + 23);
    snprintf(text, size, "%s at %s", f.substr(0, f.find('(')).c_str(), line);
  }
  pclose(pipe);
}

void Fail(const char* format, ...) {
  char text[3600];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  char kernel[256] = "host";
  if (launch && launch->kernel) DescribeCode(launch->kernel, kernel, sizeof kernel);
  snprintf(failure.text, sizeof failure.text, "simt: %s\n  [kernel %s; schedule %s]", text, kernel, ScheduleName());
  if (!in_kernel) throw failure;
  failed = true;
  LeaveToMain();  // the block's fibres are abandoned where they stand
  abort();
}

void Run(const Launch& l) {
  MapStacks();
  FindShared(l.kernel);
  launch = &l;
  blockDim = l.block;
  gridDim = l.grid;
  threads = int(l.block.x * l.block.y * l.block.z);
  warp_count = (threads + 31) / 32;
  random_state = seed * 0x9E3779B97F4A7C15ull + 1;
  struct Reset {
    ~Reset() {
      launch = nullptr;
      in_kernel = false;
    }
  } reset;
  if (hooks) hooks->launch(l);
  unsigned blocks = l.grid.x * l.grid.y * l.grid.z;
  for (unsigned i = 0; i < blocks; ++i) {
    unsigned b = schedule == Schedule::kDescending ? blocks - 1 - i : i;
    blockIdx = {b % l.grid.x, b / l.grid.x % l.grid.y, b / (l.grid.x * l.grid.y)};
    PoisonShared();
    if (hooks) hooks->block(b, threads);
    RunBlock();
    CheckCanary();
  }
}

// ---------------------------------------------------------------------------------------------------------------------
void Yield() {  // goes on to the next thread in turn, so that one that spins cannot shut the others out
  if (++yields > 50'000'000) Fail("livelock: 50 million polls without progress (does a block wait for another block?)");
  int step = schedule == Schedule::kDescending ? threads - 1 : 1, i = current->id;
  if (schedule == Schedule::kShuffle) i = int(RandomNumber() % unsigned(threads));
  do i = (i + step) % threads;
  while (!(warps[i / 32].ready >> (i & 31) & 1));
  Go(&fibres[i]);
}
void MaybeYield() {
  if (schedule == Schedule::kShuffle && (RandomNumber() & 7) == 0) decisions = 0, Go(Pick());
}

void BlockBarrier(Site site) {
  if (!at_barrier++) {
    first_at_barrier = current;
  } else if (first_at_barrier->site.line != site.line || strcmp(first_at_barrier->site.file, site.file)) {
    char other[128], me[128];
    DescribeThread(first_at_barrier->id, other, sizeof other);
    DescribeThread(current->id, me, sizeof me);
    Fail("divergent __syncthreads: %s is at %s:%d, %s is at %s:%d", other, first_at_barrier->site.file,
         first_at_barrier->site.line, me, site.file, site.line);
  }
  if (at_barrier < threads) return SleepIn("__syncthreads", site, 0);
  at_barrier = 0;
  if (hooks) hooks->barrier();
  yields = 0;
  for (int w = 0; w < warp_count; ++w) warps[w].ready = warps[w].exist;
  Go(Pick());  // not the last one to arrive but the schedule's favourite goes on first
}

void Collective(const char* name, unsigned mask, void* operands, Execute execute, Site site) {
  Warp& warp = *current->warp;
  const int me = current->lane;
  if (!(mask >> me & 1))
    Fail("%s at %s:%d: the calling lane %d is not in mask %08x", name, site.file, site.line, me, mask);
  mask &= warp.exist;
  auto same = [&](const Pending& p) {
    return p.mask == mask && p.site.line == site.line && (p.name == name || !strcmp(p.name, name));
  };
  int slot = 0;
  while (slot < warp.count && !same(warp.pending[slot])) ++slot;
  Pending& p = warp.pending[slot];
  if (slot == warp.count) {
    for (int i = 0; i < warp.count; ++i) {  // others wait for me there, and I would wait for them here
      const Pending& q = warp.pending[i];
      if (!(q.mask >> me & 1) || !(q.arrived & mask)) continue;
      char who[128];
      DescribeThread(current->id, who, sizeof who);
      Fail("divergent warp: %s calls %s (mask %08x) at %s:%d while other lanes are in %s (mask %08x) at %s:%d", who,
           name, mask, site.file, site.line, q.name, q.mask, q.site.file, q.site.line);
    }
    ++warp.count;
    p.name = name, p.site = site, p.mask = mask, p.arrived = 0;
  }
  p.operands[me] = operands;
  p.arrived |= 1u << me;
  if (p.arrived != mask) return SleepIn(name, site, mask);
  execute(p.operands, mask);
  if (slot != --warp.count) p = warp.pending[warp.count];
  yields = 0;
  warp.ready |= mask;
}

void WarpBarrier(unsigned mask, Site site) {
  Collective(
      "__syncwarp", mask, nullptr,
      [](void* const*, unsigned m) {
        if (hooks) hooks->WarpBarrier(current->warp->index, m);
      },
      site);
  MaybeYield();
}

unsigned Ballot(const char* name, unsigned mask, bool vote, Site site) {
  VoteOperands mine{vote, 0};
  Collective(
      name, mask, &mine,
      [](void* const* operands, unsigned m) {
        unsigned result = 0;
        for (int i = 0; i < 32; ++i)
          if (m >> i & 1) result |= unsigned(static_cast<VoteOperands*>(operands[i])->vote) << i;
        for (int i = 0; i < 32; ++i)
          if (m >> i & 1) static_cast<VoteOperands*>(operands[i])->ballot = result;
      },
      site);
  return mine.ballot;
}

void Touch(const void* address, size_t size, Kind kind, const void* pc, int thread) {
  if (hooks) hooks->access(address, size, kind, pc, thread < 0 ? current->id : thread);
}

void AsyncCopy16(void* shared, const void* global, const void* pc) {
  if (!IsShared(shared)) Fail("cp.async: the destination is not shared memory");
  if ((reinterpret_cast<uintptr_t>(shared) | reinterpret_cast<uintptr_t>(global)) & 15)
    Fail("cp.async: misaligned: shared %p global %p", shared, global);
  if (global) Touch(global, 16, Kind::kRead, pc);
  Touch(shared, 16, Kind::kWrite, pc);
  if (hooks) hooks->async(shared, 16, true, pc);
  memset(shared, kPoison, 16);
  current->copies.push_back({shared, global, current->group});
  MaybeYield();
}
void AsyncCommit() { ++current->group; }
void AsyncWait(int groups_left) {
  size_t n = 0;
  auto& copies = current->copies;
  for (; n < copies.size() && copies[n].group < current->group - groups_left; ++n) {
    const Copy& c = copies[n];
    if (hooks) hooks->async(c.shared, 16, false, nullptr);
    if (c.global)
      memcpy(c.shared, c.global, 16);
    else
      memset(c.shared, 0, 16);
  }
  copies.erase(copies.begin(), copies.begin() + long(n));
}
}  // namespace simt

// -fsanitize=alignment has kernels call this before an access that isn't aligned as its type must be; a GPU faults
// there.
struct Misaligned {
  const char* file;
  unsigned line, column;
  const void* type;
  unsigned char log_alignment, access;
};
extern "C" void __ubsan_handle_type_mismatch_v1(const Misaligned* what, uintptr_t address) {
  const char* name = strrchr(what->file, '/');
  simt::Fail("misaligned: %s:%u touches %p, not a multiple of %d bytes", name ? name + 1 : what->file, what->line,
             reinterpret_cast<void*>(address), 1 << what->log_alignment);
}
