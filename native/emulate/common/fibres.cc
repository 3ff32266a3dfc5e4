// Fibres, the three schedules, barriers and collectives, and the reports when they go wrong.
#include "common/fibres.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "common/memory.h"
#include "common/races.h"

// emulate_switch(&save_sp, load_sp): pushes the callee-saved registers, swaps stacks, pops the
// other fibre's registers. mxcsr/fpcr are not saved, because nothing changes the rounding mode.
extern "C" void emulate_switch(void** save_sp, void* load_sp);
#if defined(__x86_64__)
asm(R"(
  .text
  .globl emulate_switch
  .hidden emulate_switch
  .type emulate_switch, @function
emulate_switch:
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
  .size emulate_switch, .-emulate_switch
)");
constexpr int kFrameWords = 8, kReturnWord = 6;  // six registers, the return address, one word of alignment
#elif defined(__aarch64__)
asm(R"(
  .text
  .globl emulate_switch
  .hidden emulate_switch
  .type emulate_switch, %function
emulate_switch:
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
  .size emulate_switch, .-emulate_switch
)");
constexpr int kFrameWords = 20, kReturnWord = 11;
#else
#error "write the context switch for this processor"
#endif

namespace emulate {
namespace {

struct Warp;
struct Fibre {
  void* sp;
  Index index;  // thread_index
  int id, lane;
  Warp* warp;
  bool done;
  const char* waits;  // while asleep: the kind of barrier or collective
  Site site;
  unsigned mask;
};
struct Pending {  // a warp collective that some lanes have entered
  const char* name;
  Site site;
  unsigned mask, arrived;
  void* operands[32];
};
struct Warp {
  unsigned ready, exist;  // lanes that can run; lanes that exist
  int index, count;       // the warp's index; the number of pending collectives
  Pending pending[32];
};

Fibre fibres[kMaxThreads];
Warp warps[kMaxThreads / 32];
Fibre* current;
void* main_sp;
int threads, warp_count, finished, at_barrier, yields;
Fibre* first_at_barrier;
unsigned barrier_classes;
Work work;
bool running;  // between BeginGrid and EndGrid
Failure failure;
bool failed;

Schedule schedule = Schedule::kAscending;
uint64_t seed = 1, random_state;
int warp_order[kMaxThreads / 32], decisions;
std::vector<unsigned> group_order;  // under kShuffle

inline bool Same(const Site& a, const Site& b) {
  return a.pc == b.pc && a.line == b.line && (a.file == b.file || (a.file && b.file && !strcmp(a.file, b.file)));
}
std::string TextOf(const Site& site) {
  if (site.file) return std::string(site.file) + ":" + std::to_string(site.line);
  char code[512];
  DescribeCode(static_cast<const char*>(site.pc) - 1, code, sizeof code);
  return code;
}

// --- who runs next
Fibre* Pick() {
  if (schedule == Schedule::kAscending) {
    for (int w = 0; w < warp_count; ++w)
      if (unsigned r = warps[w].ready) return &fibres[w * 32 + __builtin_ctz(r)];
  } else if (schedule == Schedule::kDescending) {
    for (int w = warp_count; w-- > 0;)
      if (unsigned r = warps[w].ready) return &fibres[w * 32 + 31 - __builtin_clz(r)];
  } else {
    // Unfair: the same warps are favoured for a while, then others. Lanes start anywhere.
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
  thread_index = next->index;
  emulate_switch(&me->sp, next->sp);
}
void LeaveToMain() {
  void* dead;
  emulate_switch(current ? &current->sp : &dead, main_sp);
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
  work.body(work.arguments);
  current->done = true;
  ++finished;
  current->warp->ready &= ~(1u << current->lane);
  Suspend();
  abort();
}

void MapStacks() {
  if (stacks_range.begin) return;
  size_t page = size_t(sysconf(_SC_PAGESIZE));
  stacks_range = Reserve(kStack * kMaxThreads, PROT_READ | PROT_WRITE);
  for (char* p = stacks_range.begin; p < stacks_range.end; p += kStack) mprotect(p, page, PROT_NONE);  // guard page
}

// --- the report of a deadlock: which threads wait where, and which never arrived
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
      bool together =
          !g.done && g.waits == f.waits && Same(g.site, f.site) && g.mask == f.mask && (!f.mask || i / 32 == j / 32);
      if (together) same.push_back(j), told[size_t(j)] = true;
    }
    if (text.size() > 3000) continue;
    char line[768];
    if (f.mask) {
      std::vector<int> missing;
      unsigned arrived = 0;
      for (int p = 0; p < warps[i / 32].count; ++p)
        if (warps[i / 32].pending[p].mask == f.mask) arrived = warps[i / 32].pending[p].arrived;
      for (int j = 0; j < 32; ++j)
        if (f.mask & ~arrived & 1u << j) missing.push_back(i / 32 * 32 + j);
      snprintf(line, sizeof line, "\n  in %s (mask %08x) at %s: threads %s; threads %s never arrive", f.waits, f.mask,
               TextOf(f.site).c_str(), Ranges(same).c_str(), Ranges(missing).c_str());
    } else {
      snprintf(line, sizeof line, "\n  in %s at %s: threads %s, %zu of %d", f.waits, TextOf(f.site).c_str(),
               Ranges(same).c_str(), same.size(), threads);
    }
    text += line;
  }
  if (!exited.empty()) text += "\n  exited: threads " + Ranges(exited);
  Fail("deadlock in %s (%u,%u,%u)%s", language.group, group_index.x, group_index.y, group_index.z, text.c_str());
}
}  // namespace

// --- the interface (fibres.h)
Index thread_index, group_index, group_size, grid_size;
bool in_kernel;
const RaceHooks* races;

Schedule CurrentSchedule() { return schedule; }
const char* ScheduleName() {
  return schedule == Schedule::kAscending ? "ascending" : schedule == Schedule::kDescending ? "descending" : "shuffle";
}
void SetSchedule(Schedule s, unsigned n) {
  schedule = s;
  seed = n;
}
void SetSchedule(const char* name) {
  if (!strcmp(name, "ascending")) SetSchedule(Schedule::kAscending);
  if (!strcmp(name, "descending")) SetSchedule(Schedule::kDescending);
  if (!strncmp(name, "shuffle", 7)) SetSchedule(Schedule::kShuffle, name[7] == ':' ? unsigned(atoi(name + 8)) : 1);
}
unsigned RandomNumber() {  // xorshift64*
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return unsigned((random_state * 0x2545F4914F6CDD1Dull) >> 32);
}
int ThreadInGroup() { return current->id; }
int ThreadCount() { return threads; }
int Lane() { return current->lane; }
int WarpInGroup() { return current->warp->index; }

void DescribeThread(int thread, char* text, size_t size) {
  const Index &g = group_index, &t = fibres[thread].index;
  snprintf(text, size, "%s (%u,%u,%u) thread (%u,%u,%u)", language.group, g.x, g.y, g.z, t.x, t.y, t.z);
}
void DescribeCode(const void* address, char* text, size_t size) {
  Dl_info info{};
  dladdr(address, &info);
  char command[512];
  const char* file = info.dli_fname && info.dli_fname[0] == '/' ? info.dli_fname : "/proc/self/exe";
  char resolved[256] = "";
  if (realpath(file, resolved)) file = resolved;
  auto offset = reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(info.dli_fbase);
  snprintf(command, sizeof command, "addr2line -sfie '%s' 0x%zx 2>/dev/null", file, size_t(offset));
  snprintf(text, size, "%p", address);
  FILE* pipe = popen(command, "r");
  if (!pipe) return;
  char function[1024], line[256];
  while (fgets(function, sizeof function, pipe) && fgets(line, sizeof line, pipe)) {
    function[strcspn(function, "\n")] = line[strcspn(line, "\n ")] = 0;
    char* name = abi::__cxa_demangle(function, nullptr, nullptr, nullptr);
    std::string f = name ? name : function;  // "void (anonymous namespace)::kernel<true>(float*, int)"
    free(name);
    if (size_t at = f.find("(anonymous namespace)::"); at != f.npos) f = f.substr(at + 23);
    snprintf(text, size, "%s at %s", f.substr(0, f.find('(')).c_str(), line);
    if (strncmp(line, "shim.h:", 7) != 0) break;  // inlined into the function we look for
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
  if (running && work.kernel) DescribeCode(work.kernel, kernel, sizeof kernel);
  snprintf(failure.text, sizeof failure.text, "%s: %s\n  [kernel %s; schedule %s]", language.program, text, kernel,
           ScheduleName());
  if (!in_kernel) throw failure;
  failed = true;
  LeaveToMain();  // abandons the group's fibres as they are
  abort();
}

void BeginGrid(const Work& w, Index groups) {
  MapStacks();
  work = w;
  running = true;
  grid_size = groups;
  random_state = seed * 0x9E3779B97F4A7C15ull + 1;
  group_order.clear();
  if (schedule != Schedule::kShuffle) return;
  const unsigned count = groups.x * groups.y * groups.z;
  for (unsigned i = 0; i < count; ++i) group_order.push_back(i);
  for (unsigned i = count; i-- > 1;) std::swap(group_order[i], group_order[RandomNumber() % (i + 1)]);
}
void EndGrid() { running = in_kernel = false; }

Index GroupAt(unsigned turn) {
  const Index& g = grid_size;
  const unsigned n = schedule == Schedule::kAscending    ? turn
                     : schedule == Schedule::kDescending ? g.x * g.y * g.z - 1 - turn
                                                         : group_order[turn];
  return {n % g.x, n / g.x % g.y, n / (g.x * g.y)};
}
unsigned GroupNumber(Index group) { return group.x + grid_size.x * (group.y + grid_size.y * group.z); }

void RunGroup(Index group, Index size) {
  group_index = group;
  group_size = size;
  threads = int(size.x * size.y * size.z);
  warp_count = (threads + 31) / 32;
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
    f.index = {unsigned(i) % size.x, unsigned(i) / size.x % size.y, unsigned(i) / (size.x * size.y)};
    f.id = i;
    f.lane = i % 32;
    f.warp = &warps[i / 32];
    f.done = false;
    // Stacks with equal offsets in a page would compete for eight L1 cache lines, so stagger them.
    auto* top = reinterpret_cast<void**>(stacks_range.begin + (size_t(i) + 1) * kStack - size_t(i % 29) * 192);
    void** frame = top - kFrameWords;
    memset(frame, 0, kFrameWords * sizeof(void*));
    frame[kReturnWord] = reinterpret_cast<void*>(FibreMain);
    f.sp = frame;
  }
  current = Pick();
  thread_index = current->index;
  in_kernel = true;
  emulate_switch(&main_sp, current->sp);
  in_kernel = false;
  current = nullptr;
  if (!failed && finished < threads) ReportDeadlock();
  if (failed) throw failure;
}

// --- for device code
void Yield() {  // runs the next thread in order, so that a spinning thread cannot starve the others
  if (++yields > 50'000'000)
    Fail("livelock: 50 million polls without progress (does a %s wait for another?)", language.group);
  int step = schedule == Schedule::kDescending ? threads - 1 : 1, i = current->id;
  if (schedule == Schedule::kShuffle) i = int(RandomNumber() % unsigned(threads));
  do i = (i + step) % threads;
  while (!(warps[i / 32].ready >> (i & 31) & 1));
  Go(&fibres[i]);
}
void MaybeYield() {
  if (schedule == Schedule::kShuffle && (RandomNumber() & 7) == 0) decisions = 0, Go(Pick());
}

void GroupBarrier(Site site, unsigned classes) {
  if (!at_barrier++) {
    first_at_barrier = current;
    barrier_classes = classes;
  } else if (!Same(first_at_barrier->site, site)) {
    char other[128], me[128];
    DescribeThread(first_at_barrier->id, other, sizeof other);
    DescribeThread(current->id, me, sizeof me);
    Fail("divergent %s: %s is at %s, %s is at %s", language.barrier, other, TextOf(first_at_barrier->site).c_str(), me,
         TextOf(site).c_str());
  } else if (barrier_classes != classes) {
    Fail("%s at %s with flags that differ between threads", language.barrier, TextOf(site).c_str());
  }
  if (at_barrier < threads) return SleepIn(language.barrier, site, 0);
  at_barrier = 0;
  if (races) races->barrier(classes);
  yields = 0;
  for (int w = 0; w < warp_count; ++w) warps[w].ready = warps[w].exist;
  Go(Pick());  // continues with the schedule's favourite, not with the last thread to arrive
}

void Collective(const char* name, unsigned mask, void* operands, Execute execute, Site site) {
  Warp& warp = *current->warp;
  const int me = current->lane;
  if (!(mask >> me & 1))
    Fail("%s at %s: the calling lane %d is not in mask %08x", name, TextOf(site).c_str(), me, mask);
  mask &= warp.exist;
  auto same = [&](const Pending& p) {
    return p.mask == mask && Same(p.site, site) && (p.name == name || !strcmp(p.name, name));
  };
  int slot = 0;
  while (slot < warp.count && !same(warp.pending[slot])) ++slot;
  Pending& p = warp.pending[slot];
  if (slot == warp.count) {
    for (int i = 0; i < warp.count; ++i) {  // others wait for this thread there, while it would wait for them here
      const Pending& q = warp.pending[i];
      if (!(q.mask >> me & 1) || !(q.arrived & mask)) continue;
      char who[128];
      DescribeThread(current->id, who, sizeof who);
      Fail("divergent %s: %s calls %s (mask %08x) at %s while other lanes are in %s (mask %08x) at %s", language.warp,
           who, name, mask, TextOf(site).c_str(), q.name, q.mask, TextOf(q.site).c_str());
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

void Touch(const void* address, size_t size, Kind kind, const void* pc, int thread) {
  if (races) races->access(address, size, kind, pc, thread < 0 ? current->id : thread);
}

void WarpBarrier(const char* name, unsigned mask, Site site, unsigned classes) {
  Collective(
      name, mask, &classes,
      [](void* const* operands, unsigned m) {
        if (races) races->warp_barrier(current->warp->index, m, *static_cast<unsigned*>(operands[__builtin_ctz(m)]));
      },
      site);
  MaybeYield();
}

}  // namespace emulate
