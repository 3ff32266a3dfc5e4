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

Schedule schedule = Schedule::Ascending;
uint64_t seed = 1, random_state;
int warp_order[kMaxThreads / 32], decisions;

// --- who runs next
Fibre* pick() {
  if (schedule == Schedule::Ascending) {
    for (int w = 0; w < warp_count; ++w)
      if (unsigned r = warps[w].ready) return &fibres[w * 32 + __builtin_ctz(r)];
  } else if (schedule == Schedule::Descending) {
    for (int w = warp_count; w-- > 0;)
      if (unsigned r = warps[w].ready) return &fibres[w * 32 + 31 - __builtin_clz(r)];
  } else {
    // Unfair: the same warps are favoured for a while, then the favourites change; lanes start anywhere.
    if (decisions-- <= 0) {
      decisions = int(random_number() % 512);
      for (int w = warp_count - 1; w > 0; --w) std::swap(warp_order[w], warp_order[random_number() % unsigned(w + 1)]);
    }
    for (int i = 0; i < warp_count; ++i) {
      int w = warp_order[i];
      if (unsigned r = warps[w].ready) {
        unsigned turn = random_number() & 31, high = r >> turn << turn;
        return &fibres[w * 32 + __builtin_ctz(high ? high : r)];
      }
    }
  }
  return nullptr;
}

void go(Fibre* next) {
  Fibre* me = current;
  if (next == me) return;
  current = next;
  threadIdx = next->index;
  simt_switch(&me->sp, next->sp);
}
void leave_to_main() {
  void* dead;
  simt_switch(current ? &current->sp : &dead, main_sp);
}
void suspend() {  // the running fibre is no longer ready
  if (Fibre* next = pick())
    go(next);
  else
    leave_to_main();
}
void sleep_in(const char* what, Site site, unsigned mask) {
  current->waits = what;
  current->site = site;
  current->mask = mask;
  current->warp->ready &= ~(1u << current->lane);
  suspend();
}

[[noreturn]] void fibre_main() {
  launch->body(launch->args);
  current->done = true;
  ++finished;
  current->warp->ready &= ~(1u << current->lane);
  suspend();
  abort();
}

// --- set-up
void map_stacks() {
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
int find_module(dl_phdr_info* info, size_t, void* kernel) {
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
void find_shared(const void* kernel) {
  if (image_range.has(kernel) && shared_range.has(dynamic_shared)) return;  // (another host thread has other storage)
  memset(dynamic_shared, kPoison, sizeof dynamic_shared);  // also makes a dlopened module's storage come into being
  dl_iterate_phdr(find_module, const_cast<void*>(kernel));
  if (!shared_range.has(dynamic_shared))
    fail("simt.cpp must be linked, dynamically, into the module that holds the kernels");
}
constexpr size_t kCanary = 256;  // bytes past the dynamic shared memory that have to stay as they are
void poison_shared() {
  char* dynamic = reinterpret_cast<char*>(dynamic_shared);
  memset(shared_range.begin, kPoison, size_t(dynamic - shared_range.begin));
  memset(dynamic, kPoison, launch->dynamic_shared + kCanary);  // an earlier launch may have had more
  char* rest = dynamic + sizeof dynamic_shared;
  memset(rest, kPoison, size_t(shared_range.end - rest));
}
void check_canary() {
  for (size_t i = launch->dynamic_shared; i < launch->dynamic_shared + kCanary; ++i)
    if (dynamic_shared[i] != kPoison)
      fail("block (%u,%u,%u) wrote past its %zu bytes of dynamic shared memory, at byte %zu", blockIdx.x, blockIdx.y,
           blockIdx.z, launch->dynamic_shared, i);
}

// --- the report of a deadlock: who waits where, who never came
std::string ranges(const std::vector<int>& ids) {
  std::string text;
  for (size_t i = 0; i < ids.size();) {
    size_t j = i;
    while (j + 1 < ids.size() && ids[j + 1] == ids[j] + 1) ++j;
    text += (text.empty() ? "" : ",") + std::to_string(ids[i]) + (j > i ? "-" + std::to_string(ids[j]) : "");
    i = j + 1;
  }
  return text;
}
void report_deadlock() {
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
               f.mask, f.site.file, f.site.line, ranges(same).c_str(), ranges(missing).c_str());
    } else {
      snprintf(line, sizeof line, "\n  in %s at %s:%d: threads %s, %zu of %d", f.waits, f.site.file, f.site.line,
               ranges(same).c_str(), same.size(), threads);
    }
    if (text.size() < 3000) text += line;
  }
  if (!exited.empty()) text += "\n  exited: threads " + ranges(exited);
  fail("deadlock in block (%u,%u,%u)%s", blockIdx.x, blockIdx.y, blockIdx.z, text.c_str());
}

void run_block() {
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
    frame[kReturnWord] = reinterpret_cast<void*>(fibre_main);
    f.sp = frame;
  }
  current = pick();
  threadIdx = current->index;
  in_kernel = true;
  simt_switch(&main_sp, current->sp);
  in_kernel = false;
  current = nullptr;
  if (!failed && finished < threads) report_deadlock();
  if (failed) throw failure;
}
}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
const Hooks* hooks;
Range shared_range, stacks_range, image_range;
bool in_kernel;
const Launch& current_launch() { return *launch; }
Schedule current_schedule() { return schedule; }
const char* schedule_name() {
  return schedule == Schedule::Ascending ? "ascending" : schedule == Schedule::Descending ? "descending" : "shuffle";
}
void set_schedule(Schedule s, unsigned n) {
  schedule = s;
  seed = n;
}
unsigned random_number() {  // xorshift64*
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return unsigned((random_state * 0x2545F4914F6CDD1Dull) >> 32);
}
int thread_in_block() { return current->id; }
int lane() { return current->lane; }
bool is_shared(const void* p) { return shared_range.has(p); }

void describe_thread(int thread, char* text, size_t size) {
  const uint3& t = fibres[thread].index;
  snprintf(text, size, "block (%u,%u,%u) thread (%u,%u,%u)", blockIdx.x, blockIdx.y, blockIdx.z, t.x, t.y, t.z);
}
void describe_code(const void* address, char* text, size_t size) {
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

void fail(const char* format, ...) {
  char text[3600];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  char kernel[256] = "host";
  if (launch && launch->kernel) describe_code(launch->kernel, kernel, sizeof kernel);
  snprintf(failure.text, sizeof failure.text, "simt: %s\n  [kernel %s; schedule %s]", text, kernel, schedule_name());
  if (!in_kernel) throw failure;
  failed = true;
  leave_to_main();  // the block's fibres are abandoned where they stand
  abort();
}

void run(const Launch& l) {
  map_stacks();
  find_shared(l.kernel);
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
    unsigned b = schedule == Schedule::Descending ? blocks - 1 - i : i;
    blockIdx = {b % l.grid.x, b / l.grid.x % l.grid.y, b / (l.grid.x * l.grid.y)};
    poison_shared();
    if (hooks) hooks->block(b, threads);
    run_block();
    check_canary();
  }
}

// ---------------------------------------------------------------------------------------------------------------------
void yield() {  // goes on to the next thread in turn, so that one that spins cannot shut the others out
  if (++yields > 50'000'000) fail("livelock: 50 million polls without progress (does a block wait for another block?)");
  int step = schedule == Schedule::Descending ? threads - 1 : 1, i = current->id;
  if (schedule == Schedule::Shuffle) i = int(random_number() % unsigned(threads));
  do i = (i + step) % threads;
  while (!(warps[i / 32].ready >> (i & 31) & 1));
  go(&fibres[i]);
}
void maybe_yield() {
  if (schedule == Schedule::Shuffle && (random_number() & 7) == 0) decisions = 0, go(pick());
}

void block_barrier(Site site) {
  if (!at_barrier++) {
    first_at_barrier = current;
  } else if (first_at_barrier->site.line != site.line || strcmp(first_at_barrier->site.file, site.file)) {
    char other[128], me[128];
    describe_thread(first_at_barrier->id, other, sizeof other);
    describe_thread(current->id, me, sizeof me);
    fail("divergent __syncthreads: %s is at %s:%d, %s is at %s:%d", other, first_at_barrier->site.file,
         first_at_barrier->site.line, me, site.file, site.line);
  }
  if (at_barrier < threads) return sleep_in("__syncthreads", site, 0);
  at_barrier = 0;
  if (hooks) hooks->barrier();
  yields = 0;
  for (int w = 0; w < warp_count; ++w) warps[w].ready = warps[w].exist;
  go(pick());  // not the last one to arrive but the schedule's favourite goes on first
}

void collective(const char* name, unsigned mask, void* operands, Execute execute, Site site) {
  Warp& warp = *current->warp;
  const int me = current->lane;
  if (!(mask >> me & 1))
    fail("%s at %s:%d: the calling lane %d is not in mask %08x", name, site.file, site.line, me, mask);
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
      describe_thread(current->id, who, sizeof who);
      fail("divergent warp: %s calls %s (mask %08x) at %s:%d while other lanes are in %s (mask %08x) at %s:%d", who,
           name, mask, site.file, site.line, q.name, q.mask, q.site.file, q.site.line);
    }
    ++warp.count;
    p.name = name, p.site = site, p.mask = mask, p.arrived = 0;
  }
  p.operands[me] = operands;
  p.arrived |= 1u << me;
  if (p.arrived != mask) return sleep_in(name, site, mask);
  execute(p.operands, mask);
  if (slot != --warp.count) p = warp.pending[warp.count];
  yields = 0;
  warp.ready |= mask;
}

void warp_barrier(unsigned mask, Site site) {
  collective(
      "__syncwarp", mask, nullptr,
      [](void* const*, unsigned m) {
        if (hooks) hooks->warp_barrier(current->warp->index, m);
      },
      site);
  maybe_yield();
}

unsigned ballot(const char* name, unsigned mask, bool vote, Site site) {
  VoteOperands mine{vote, 0};
  collective(
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

void touch(const void* address, size_t size, Kind kind, const void* pc, int thread) {
  if (hooks) hooks->access(address, size, kind, pc, thread < 0 ? current->id : thread);
}

void async_copy16(void* shared, const void* global, const void* pc) {
  if (!is_shared(shared)) fail("cp.async: the destination is not shared memory");
  if ((reinterpret_cast<uintptr_t>(shared) | reinterpret_cast<uintptr_t>(global)) & 15)
    fail("cp.async: misaligned: shared %p global %p", shared, global);
  if (global) touch(global, 16, Kind::Read, pc);
  touch(shared, 16, Kind::Write, pc);
  if (hooks) hooks->async(shared, 16, true, pc);
  memset(shared, kPoison, 16);
  current->copies.push_back({shared, global, current->group});
  maybe_yield();
}
void async_commit() { ++current->group; }
void async_wait(int groups_left) {
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
