// Fibre scheduler, simdgroup collectives, guarded memory and race detector of the Metal emulator. x86-64 Linux only.
#include "dispatch.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <immintrin.h>
#include <signal.h>
#include <string>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

namespace emu {
Options& options() { static Options o; return o; }

// ---- guarded memory -----------------------------------------------------------------------------------------------
constexpr size_t kPage = 4096;
constexpr unsigned char kCanary = 0xC5;
static size_t pages(size_t n) { return (n + kPage - 1) / kPage * kPage; }

void Memory::allocate(size_t bytes) {
  n = bytes;
  size_t body = pages((bytes + 15) / 16 * 16 + 1);
  mapped = body + 2 * kPage;  // a guard page on either side
  base = (char*)mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) { perror("mmap"); abort(); }
  mprotect(base + kPage, body, PROT_READ | PROT_WRITE);
  p = base + kPage + body - (bytes + 15) / 16 * 16;
  memset(base + kPage, kCanary, p - (base + kPage));
  memset(p + bytes, kCanary, base + kPage + body - (p + bytes));
}
void Memory::release() { if (base) munmap(base, mapped); base = p = nullptr; }
bool Memory::intact() const {
  for (const char* q = p < base + kPage + 64 ? base + kPage : p - 64; q < p; ++q) if ((unsigned char)*q != kCanary) return false;
  for (const char* q = p + n; q < base + mapped - kPage; ++q) if ((unsigned char)*q != kCanary) return false;
  return true;
}
void Memory::protect(bool allowed) {
  mprotect(base + kPage, mapped - 2 * kPage, allowed ? PROT_READ | PROT_WRITE : PROT_NONE);
}

// ---- fibres ---------------------------------------------------------------------------------------------------------
// msl_switch saves the callee-saved registers and the stack pointer, and takes those of the other fibre.
extern "C" void msl_switch(void** save, void* to);
asm(R"(
  .text
  .globl msl_switch
msl_switch:
  pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
  ret
)");

constexpr size_t kStack = 128 << 10;
enum class State : uint8_t { ready, barrier, collective, done };
struct Fibre {
  Ctx ctx;
  void* sp;
  State state;
  void* site;      // the instruction at which it waits
  void* operand;   // of a collective
};
struct Simdgroup { int lanes, arrived, op; void* site; uint32_t epoch[2]; };  // epoch: barriers passed, per memory class

static Fibre* fibres;
static char* stacks;                 // kMaxThreads * (guard page + stack)
static Simdgroup simd[kMaxThreads / 32];
static int count, arrived, finished; // of the group: threads, threads at the barrier, threads that returned
static uint32_t barrier_flags;
static void* barrier_site;
static int current = -1;             // the running fibre, or -1 for the host
static void* scheduler_sp;
static const Dispatch* job;
static uint32_t group_id, group_epoch[2];
static std::string failure;

// Ready fibres as a bitmap over schedule positions: fibre order[i] has position i.
static uint64_t ready_bits[kMaxThreads / 64];
static int order[kMaxThreads], position[kMaxThreads];
static uint64_t rng_state;
static uint32_t rng() { rng_state ^= rng_state << 13; rng_state ^= rng_state >> 7; rng_state ^= rng_state << 17; return (uint32_t)(rng_state >> 32); }
static void set_ready(int f) { fibres[f].state = State::ready; ready_bits[position[f] / 64] |= 1ull << position[f] % 64; }
static void shuffle_order(int n, Schedule s) {
  for (int i = 0; i < n; ++i) order[i] = s == Schedule::descending ? n - 1 - i : i;
  if (s == Schedule::shuffle) for (int i = n - 1; i > 0; --i) std::swap(order[i], order[rng() % (i + 1)]);
  for (int i = 0; i < n; ++i) position[order[i]] = i;
}
// The first ready fibre in schedule order. "Unfair": fibres late in the order starve while others can run; one pick in
// eight starts elsewhere, so that arbitrary interleavings occur too.
static int pick() {
  int words = (count + 63) / 64, start = options().schedule == Schedule::shuffle && rng() % 8 == 0 ? rng() % words : 0;
  for (int k = 0; k < words; ++k) {
    int w = (start + k) % words;
    if (ready_bits[w]) { int b = __builtin_ctzll(ready_bits[w]); return order[w * 64 + b]; }
  }
  return -1;
}

static void leave(State s, void* site) {  // give up the processor in state s
  Fibre& f = fibres[current];
  f.state = s; f.site = site;
  if (s != State::ready) ready_bits[position[current] / 64] &= ~(1ull << position[current] % 64);
  msl_switch(&f.sp, scheduler_sp);
}
[[noreturn]] static void stop() {  // never to be resumed: the dispatch has failed
  void* dummy; msl_switch(&dummy, scheduler_sp); abort();
}
static std::string who(int f) {
  const Ctx& c = fibres[f].ctx; char s[120];
  snprintf(s, sizeof s, "thread (%u,%u,%u) of threadgroup (%u,%u,%u)", c.thread_position_in_threadgroup[0],
           c.thread_position_in_threadgroup[1], c.thread_position_in_threadgroup[2], c.threadgroup_position_in_grid[0],
           c.threadgroup_position_in_grid[1], c.threadgroup_position_in_grid[2]);
  return s;
}
static void fail(std::string s) { if (failure.empty()) failure = std::move(s); }
static void* blame;  // the kernel's instruction that is being checked
static std::string source_line(void* pc) {  // "file.metal:12", if addr2line and the library's file are still there
  Dl_info d; char command[4200], line[4200] = "";
  if (!pc || !dladdr(pc, &d) || !d.dli_fname) return "";
  snprintf(command, sizeof command, "addr2line -i -e '%s' %#lx 2>/dev/null", d.dli_fname, (unsigned long)((char*)pc - (char*)d.dli_fbase - 1));
  std::string found;
  if (FILE* f = popen(command, "r")) {
    while (fgets(line, sizeof line, f)) {  // innermost first: pass over the shim's own lines
      std::string s = line; s = s.substr(0, s.find_first_of(" \n"));
      if (found.empty() && s.find(".metal") != std::string::npos) found = " (" + s.substr(s.rfind('/') + 1) + ")";
    }
    pclose(f);
  }
  return found;
}
[[noreturn]] static void fail_here(std::string s) { fail(std::move(s) + ", by " + who(current) + source_line(blame)); stop(); }

static void fibre_main() {
  job->entry();
  ++finished;
  leave(State::done, nullptr);
  abort();
}
static void start_fibre(int f) {
  char* top = stacks + (size_t)(f + 1) * (kStack + kPage);
  void** sp = (void**)(top - 64);
  *--sp = nullptr;              // alignment and an end for backtraces
  *--sp = (void*)fibre_main;    // popped by ret
  for (int i = 0; i < 6; ++i) *--sp = nullptr;
  fibres[f].sp = sp;
  fibres[f].site = fibres[f].operand = nullptr;
  set_ready(f);
}

// ---- race detector ----------------------------------------------------------------------------------------------------
// For every byte of device and threadgroup memory: the last writer and the last two readers, each with the barrier
// epochs at which it happened. Two accesses, one a write and not both atomic, by different threads are ordered only by a
// threadgroup barrier with the right mem_flags, or by a simdgroup barrier if they are in one simdgroup; threads of
// different threadgroups are never ordered within a dispatch.
struct Access { uint32_t stamp = 0, group; uint16_t thread, epoch, simd_epoch; bool atomic; };
struct Shadow { Access write, read[2]; };
struct Space { Range r; bool is_device; std::string name; std::vector<Shadow> shadow; };
static std::vector<Space> spaces;
static uint32_t stamp;

static Space* find_space(const char* a) {
  for (Space& s : spaces) if (a >= s.r.p && a < s.r.p + s.r.n) return &s;
  return nullptr;
}
static bool ordered(const Access& a, const Access& now) {
  if (a.stamp != now.stamp) return true;                       // an earlier dispatch (or group, for threadgroup memory)
  if (a.group == now.group) {
    if (a.thread == now.thread || a.epoch != now.epoch) return true;
    if (a.thread / 32 == now.thread / 32 && a.simd_epoch != now.simd_epoch) return true;
  }
  return a.atomic && now.atomic;
}
static void access(const void* address, size_t n, bool is_write, bool atomic = false) {
  if (current < 0) return;
  const char* a = (const char*)address;
  Space* s = find_space(a);
  if (!s) {
    if (a >= stacks && a < stacks + (size_t)kMaxThreads * (kStack + kPage)) return;
    for (Space& t : spaces)  // between the end of a buffer and its guard page
      if (a >= t.r.p + t.r.n && (uintptr_t)a / kPage == (uintptr_t)(t.r.p + t.r.n - 1) / kPage) fail_here("access past the end of " + t.name);
    if (!is_write) return;  // a constant in the library's own data
    fail_here("write outside every bound buffer");
  }
  if (a + n > s->r.p + s->r.n) fail_here("access past the end of " + s->name);
  if (s->shadow.empty()) s->shadow.resize(s->r.n);
  int cls = s->is_device ? 0 : 1;
  Access now{s->is_device ? stamp : group_id + 1, group_id, (uint16_t)current, (uint16_t)group_epoch[cls],
             (uint16_t)simd[current / 32].epoch[cls], atomic};
  for (size_t i = 0; i < n; ++i) {
    Shadow& w = s->shadow[a - s->r.p + i];
    const Access* bad = !ordered(w.write, now) ? &w.write : nullptr;
    if (is_write) for (Access& r : w.read) if (!ordered(r, now)) bad = &r;
    if (bad) {
      char t[160];
      snprintf(t, sizeof t, "race: %s at byte %zu of %s, no barrier since the %s by thread %u of threadgroup %u",
               is_write ? "write" : "read", (size_t)(a - s->r.p) + i, s->name.c_str(),
               bad == &w.write ? "write" : "read", bad->thread, bad->group);
      fail_here(t);
    }
    if (is_write) w.write = now;
    else if (ordered(w.read[0], now)) w.read[0] = now;
    else w.read[1] = now;
  }
}

// ---- one dispatch -----------------------------------------------------------------------------------------------------
static Memory tg_arg[kSlots];
struct TgVar { uint32_t slot; Memory m; };
static std::vector<TgVar> tg_vars;
static size_t tg_used;

static void poison(Memory& m) {  // signalling-NaN bytes, different for each group so that stale data cannot agree
  for (size_t i = 0; i < m.n; ++i) m.p[i] = (char)(i % 4 == 3 ? 0x7f : i % 4 == 2 ? 0xa0 : group_id * 31 + i);
}
static void add_space(Memory& m, const char* name, int i) {
  spaces.push_back({{m.p, m.n}, false, name + std::to_string(i), {}});
}

static std::string where_all_wait() {
  int at[4] = {}, first[4] = {-1, -1, -1, -1};
  for (int f = 0; f < count; ++f) { int s = (int)fibres[f].state; if (!at[s]++) first[s] = f; }
  std::string t = "deadlock: ";
  auto waits = [&](int s) { return at[s] ? " (first: " + who(first[s]) + source_line(fibres[first[s]].site) + ")" : ""; };
  t += std::to_string(at[1]) + " threads wait at threadgroup_barrier" + waits(1);
  t += ", " + std::to_string(at[2]) + " in a simdgroup operation" + waits(2);
  t += ", " + std::to_string(at[3]) + " returned" + (at[3] ? " (first: " + who(first[3]) + ")" : "");
  return t;
}

static void run_group(const Size& g, const Size& groups) {
  Size size;
  for (int d = 0; d < 3; ++d) {
    uint32_t left = job->threads.v[d] - g.v[d] * job->group.v[d];
    size.v[d] = left < job->group.v[d] ? left : job->group.v[d];
  }
  count = (int)(size.v[0] * size.v[1] * size.v[2]);
  arrived = finished = 0;
  group_epoch[0] = group_epoch[1] = 0;
  memset(ready_bits, 0, sizeof ready_bits);
  for (Memory& m : tg_arg) if (m.p) poison(m);
  for (TgVar& v : tg_vars) poison(v.m);
  shuffle_order(count, options().schedule);
  for (int f = 0; f < count; ++f) {
    Ctx& c = fibres[f].ctx;
    uint32_t at[3] = {f % size.v[0], f / size.v[0] % size.v[1], f / size.v[0] / size.v[1]};
    for (int d = 0; d < 3; ++d) {
      c.thread_position_in_threadgroup[d] = at[d];
      c.thread_position_in_grid[d] = g.v[d] * job->group.v[d] + at[d];
      c.threadgroup_position_in_grid[d] = g.v[d];
      c.threads_per_threadgroup[d] = size.v[d];
      c.dispatch_threads_per_threadgroup[d] = job->group.v[d];
      c.threadgroups_per_grid[d] = groups.v[d];
      c.threads_per_grid[d] = job->threads.v[d];
    }
    c.thread_index_in_threadgroup = f;
    c.thread_index_in_simdgroup = f % 32;
    c.simdgroup_index_in_threadgroup = f / 32;
    c.simdgroups_per_threadgroup = (count + 31) / 32;
    c.threads_per_simdgroup = 32;
    if (f % 32 == 0) simd[f / 32] = {count - f < 32 ? count - f : 32, 0, 0, nullptr, {0, 0}};
    start_fibre(f);
  }
  while (finished < count) {
    int f = pick();
    if (f < 0) { fail(where_all_wait()); return; }
    current = f;
    msl_switch(&scheduler_sp, fibres[f].sp);
    current = -1;
    if (!failure.empty()) return;
  }
  for (TgVar& v : tg_vars) if (!v.m.intact()) fail("a threadgroup variable was overrun");
  for (Memory& m : tg_arg) if (m.p && !m.intact()) fail("a threadgroup argument was overrun");
}

// A fault inside a fibre becomes the dispatch's failure; one on the host is explained and fatal.
static std::vector<std::pair<const Memory*, const char*>> named;
void name_memory(const Memory* m, const char* why) {
  for (size_t i = 0; i < named.size(); ++i) if (named[i].first == m) { named.erase(named.begin() + i); break; }
  if (why) named.push_back({m, why});
}
static char* fault_address;
[[noreturn]] static void fault_in_fibre() {
  std::string what = "fault at an address near no buffer";
  size_t best = 1 << 20;
  auto consider = [&](const Range& r, const std::string& name) {
    long past = fault_address - (r.p + r.n), before = r.p - fault_address;
    if (past >= 0 && (size_t)past < best) { best = past; what = "access " + std::to_string(past) + " bytes past the end of " + name; }
    if (before > 0 && (size_t)before < best) { best = before; what = "access " + std::to_string(before) + " bytes before " + name; }
  };
  for (Space& s : spaces) consider(s.r, s.name);
  for (int f = 0; f < count; ++f)
    if (fault_address >= stacks + (size_t)f * (kStack + kPage) && fault_address < stacks + (size_t)f * (kStack + kPage) + kPage)
      what = "thread stack overflow";
  fail_here(what);
}
static void on_fault(int sig, siginfo_t* info, void* context) {
  fault_address = (char*)info->si_addr;
  if (current >= 0) {  // resume in fault_in_fibre on the fibre's own stack (or, if that overflowed, at its top)
    auto* u = (ucontext_t*)context;
    blame = (char*)u->uc_mcontext.gregs[REG_RIP] + 1;
    char* low = stacks + (size_t)current * (kStack + kPage);
    uintptr_t sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP] - 256;
    if (sp < (uintptr_t)low + kPage + 8192) sp = (uintptr_t)low + kPage + kStack - 64;
    u->uc_mcontext.gregs[REG_RSP] = (greg_t)((sp & ~15ull) - 8);
    u->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_in_fibre;
    return;
  }
  for (auto& [m, why] : named)
    if (fault_address >= m->base && fault_address < m->base + m->mapped) { fprintf(stderr, "mslemu: host access to a buffer: %s\n", why); _exit(86); }
  signal(sig, SIG_DFL);
}
static void install() {
  static bool done;
  if (done) return;
  done = true;
  fibres = new Fibre[kMaxThreads];
  size_t all = (size_t)kMaxThreads * (kStack + kPage);
  stacks = (char*)mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  for (int f = 0; f < kMaxThreads; ++f) mprotect(stacks + (size_t)f * (kStack + kPage), kPage, PROT_NONE);
  stack_t alt{malloc(64 << 10), 0, 64 << 10};
  sigaltstack(&alt, nullptr);
  struct sigaction sa {};
  sa.sa_sigaction = on_fault;
  sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &sa, nullptr);
  sigaction(SIGBUS, &sa, nullptr);
  sigaction(SIGFPE, &sa, nullptr);
}

std::string run(const Dispatch& d) {
  install();
  failure.clear();
  job = &d;
  rng_state = options().seed * 0x9E3779B97F4A7C15ull + 1;
  if (!d.concurrent || stamp == 0) { ++stamp; group_id = 0; spaces.clear(); }
  spaces.erase(std::remove_if(spaces.begin(), spaces.end(), [](Space& s) { return !s.is_device; }), spaces.end());
  for (int i = 0; i < kSlots; ++i)
    if (d.buffer[i].p && !find_space(d.buffer[i].p)) spaces.push_back({d.buffer[i], true, "buffer " + std::to_string(i), {}});
  tg_used = 0;
  for (int i = 0; i < kSlots; ++i) if (d.threadgroup_bytes[i]) {
    tg_arg[i].allocate(d.threadgroup_bytes[i]);
    tg_used += d.threadgroup_bytes[i];
    add_space(tg_arg[i], "threadgroup argument ", i);
  }
  Size groups; uint64_t n = 1;
  for (int k = 0; k < 3; ++k) { groups.v[k] = (d.threads.v[k] + d.group.v[k] - 1) / d.group.v[k]; n *= groups.v[k]; }
  if (tg_used > kThreadgroupLimit) fail("more than 32 KiB of threadgroup memory");
  // Threadgroups run one after another, in the order of the schedule.
  std::vector<uint64_t> list(n);
  for (uint64_t i = 0; i < n; ++i) list[i] = options().schedule == Schedule::descending ? n - 1 - i : i;
  if (options().schedule == Schedule::shuffle) for (uint64_t i = n; i-- > 1;) std::swap(list[i], list[rng() % (i + 1)]);
  for (uint64_t i = 0; i < n && failure.empty(); ++i, ++group_id)
    run_group({{(uint32_t)(list[i] % groups.v[0]), (uint32_t)(list[i] / groups.v[0] % groups.v[1]),
                (uint32_t)(list[i] / groups.v[0] / groups.v[1])}}, groups);
  for (Memory& m : tg_arg) m.release();
  for (TgVar& v : tg_vars) v.m.release();
  tg_vars.clear();
  current = -1;
  return failure;
}
}  // namespace emu

// ---- what kernels call --------------------------------------------------------------------------------------------------
using namespace emu;
#define SITE __builtin_return_address(0)

// Scalars of every type travel as double (exact for all but 64-bit integers, which reductions do not support).
enum Type { f32, f16, bf16, i32, u32, i16, u16, i8, u8, i64, u64 };
static const int type_size[] = {4, 2, 2, 4, 4, 2, 2, 1, 1, 8, 8};
template <class T> static T get(const void* p) { T v; memcpy(&v, p, sizeof v); return v; }
static uint16_t to_bf16(float f) {
  uint32_t u = get<uint32_t>(&f);
  if (f != f) return (uint16_t)(u >> 16 | 0x40);
  return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
static float from_bf16(uint16_t h) { uint32_t u = (uint32_t)h << 16; return get<float>(&u); }
__attribute__((target("f16c"))) static uint16_t to_f16(float f) { return _cvtss_sh(f, 0); }
__attribute__((target("f16c"))) static float from_f16(uint16_t h) { return _cvtsh_ss(h); }
static inline void copy(void* d, const void* s, int n) {  // 4 and 2 bytes are the hot cases
  if (n == 4) memcpy(d, s, 4); else if (n == 2) memcpy(d, s, 2); else memcpy(d, s, n);
}
static inline double load(const void* p, int t) {
  if (t == f32) return get<float>(p);
  switch (t) {
    case f32: return get<float>(p); case f16: return from_f16(get<uint16_t>(p)); case bf16: return from_bf16(get<uint16_t>(p));
    case i32: return get<int32_t>(p); case u32: return get<uint32_t>(p); case i16: return get<int16_t>(p);
    case u16: return get<uint16_t>(p); case i8: return get<int8_t>(p); case u8: return get<uint8_t>(p);
    case i64: return (double)get<int64_t>(p); default: return (double)get<uint64_t>(p);
  }
}
static inline void store(void* p, int t, double v) {
  float f = (float)v; uint16_t h; int64_t i;
  if (t == f32) { memcpy(p, &f, 4); return; }
  switch (t) {
    case f32: memcpy(p, &f, 4); return;
    case f16: h = to_f16(f); memcpy(p, &h, 2); return;
    case bf16: h = to_bf16(f); memcpy(p, &h, 2); return;
    default: i = v < 0 ? (int64_t)v : (int64_t)(uint64_t)v; memcpy(p, &i, type_size[t]);
  }
}

// A simdgroup operation: every lane deposits its operand; the last to arrive executes `all` for the whole simdgroup.
// Every lane must come, to the same call: divergent simdgroup operations are legal in Metal but reported here.
template <class F> static void collective(int op, void* operand, void* site, F all) {
  Simdgroup& s = simd[current / 32];
  blame = site;
  if (s.arrived == 0) { s.op = op; s.site = site; }
  else if (s.op != op || s.site != site) fail_here("lanes of one simdgroup are at different simdgroup operations");
  fibres[current].operand = operand;
  if (++s.arrived < s.lanes) { leave(State::collective, site); return; }
  s.arrived = 0;
  int first = current / 32 * 32;
  void* operands[32];
  for (int i = 0; i < s.lanes; ++i) operands[i] = fibres[first + i].operand;
  all(operands, s.lanes);
  for (int i = 0; i < s.lanes; ++i) if (first + i != current) set_ready(first + i);
}

// Element i (row-major) of an 8x8 matrix lives in lane (i*11+5)%32, half (i*11+5)/32%2: not the hardware's layout, and
// meant to resemble nothing.
static inline int home(int i) { return (i * 11 + 5) & 63; }
struct MatArg { void* d; const void *a, *b, *c; uint64_t address, stride, x, y; int transpose; };
static char* element(const MatArg& m, int t, int i) {
  uint64_t r = i / 8, c = i % 8;
  if (m.transpose) std::swap(r, c);
  return (char*)m.address + ((m.y + r) * m.stride + m.x + c) * type_size[t];
}
static void own_access(int lane_fibre, const void* p, size_t n, bool w) {  // on behalf of the lane that holds the element
  if (!options().races) return;
  int me = current; current = lane_fibre; access(p, n, w); current = me;
}
static void check_lanes(void** o, int n) {
  if (n != 32) fail_here("simdgroup matrices need all 32 lanes");
  for (int i = 1; i < n; ++i) {
    MatArg &a = *(MatArg*)o[0], &b = *(MatArg*)o[i];
    if (a.address != b.address || a.stride != b.stride || a.x != b.x || a.y != b.y || a.transpose != b.transpose)
      fail_here("lanes of one simdgroup gave different addresses to a simdgroup matrix operation");
  }
}

extern "C" {
const Ctx* msl_get_ctx() { return &fibres[current].ctx; }
uint64_t msl_arg_buffer(uint32_t i) { return (uint64_t)job->buffer[i].p; }
uint64_t msl_arg_threadgroup(uint32_t i) { return (uint64_t)tg_arg[i].p; }
void* msl_tg_var(uint32_t slot, uint64_t bytes) {
  for (TgVar& v : tg_vars) if (v.slot == slot) return v.m.p;
  tg_used += (bytes + 15) / 16 * 16;
  if (tg_used > kThreadgroupLimit) fail_here("more than 32 KiB of threadgroup memory");
  tg_vars.push_back({slot, {}});
  tg_vars.back().m.allocate(bytes);
  poison(tg_vars.back().m);
  add_space(tg_vars.back().m, "threadgroup variable ", (int)slot);
  return tg_vars.back().m.p;
}
void msl_threadgroup_barrier(uint32_t flags) {
  blame = SITE;
  if (arrived == 0) { barrier_flags = flags; barrier_site = SITE; }
  else if (barrier_flags != flags || barrier_site != SITE) fail_here("threads of one threadgroup are at different barriers");
  if (++arrived < count) { leave(State::barrier, SITE); return; }
  arrived = 0;
  if (flags & 1) ++group_epoch[0];
  if (flags & 2) ++group_epoch[1];
  for (int f = 0; f < count; ++f) if (f != current) set_ready(f);
  leave(State::ready, nullptr);  // let the schedule decide who goes first
}
void msl_simdgroup_barrier(uint32_t flags) {
  collective(100 + (int)flags, nullptr, SITE, [&](void**, int) {
    if (flags & 1) ++simd[current / 32].epoch[0];
    if (flags & 2) ++simd[current / 32].epoch[1];
  });
}
void msl_simd(int op, int t, void* value, uint32_t arg) {
  struct A { void* v; uint32_t k; } mine{value, arg};
  collective(op, &mine, SITE, [&](void** o, int n) {
    double v[32], r[32];
    for (int i = 0; i < n; ++i) v[i] = load(((A*)o[i])->v, t);
    auto combine = [&](double a, double b) {
      char tmp[8]; double c = 0;
      switch (op) {
        case 1: c = a * b; break;
        case 2: c = a < b ? b : a; break;
        case 3: c = b < a ? b : a; break;
        case 4: c = (double)((int64_t)a & (int64_t)b); break;
        case 5: c = (double)((int64_t)a | (int64_t)b); break;
        case 6: c = (double)((int64_t)a ^ (int64_t)b); break;
        default: c = a + b;
      }
      store(tmp, t, c); return load(tmp, t);  // rounded to the type after every step
    };
    if (op <= 6) {
      double x[32]; memcpy(x, v, sizeof x);
      for (int w = 1; w < n; w *= 2) for (int i = 0; i + w < n; i += 2 * w) x[i] = combine(x[i], x[i + w]);
      for (int i = 0; i < n; ++i) r[i] = x[0];
    } else if (op == 7 || op == 8) {
      double s = 0;
      for (int i = 0; i < n; ++i) { r[i] = op == 8 ? s : 0; s = combine(s, v[i]); if (op == 7) r[i] = s; }
    } else for (int i = 0; i < n; ++i) {
      int k = (int)((A*)o[i])->k, from = op == 9 ? 0 : op == 11 ? i ^ k : op == 12 ? i - k : op == 13 ? i + k : k;
      if (op == 14 && k != (int)((A*)o[0])->k) fail_here("simd_broadcast with a lane index that differs between lanes");
      if (from < 0 || from >= n) r[i] = t == f32 || t == f16 || t == bf16 ? NAN : 0x5a;  // undefined in Metal
      else r[i] = v[from];
    }
    for (int i = 0; i < n; ++i) store(((A*)o[i])->v, t, r[i]);
  });
}
void msl_mat_load(void* m, int t, uint64_t addr, uint64_t stride, uint64_t x, uint64_t y, int transpose) {
  MatArg mine{m, nullptr, nullptr, nullptr, addr, stride, x, y, transpose};
  collective(20, &mine, SITE, [&](void** o, int n) {
    check_lanes(o, n);
    for (int i = 0; i < 64; ++i) {
      int h = home(i), lane = h % 32; char* e = element(mine, t, i);
      own_access(current / 32 * 32 + lane, e, type_size[t], false);
      copy((char*)((MatArg*)o[lane])->d + h / 32 * type_size[t], e, type_size[t]);
    }
  });
}
void msl_mat_store(const void* m, int t, uint64_t addr, uint64_t stride, uint64_t x, uint64_t y, int transpose) {
  MatArg mine{nullptr, m, nullptr, nullptr, addr, stride, x, y, transpose};
  collective(21, &mine, SITE, [&](void** o, int n) {
    check_lanes(o, n);
    for (int i = 0; i < 64; ++i) {
      int h = home(i), lane = h % 32; char* e = element(mine, t, i);
      own_access(current / 32 * 32 + lane, e, type_size[t], true);
      copy(e, (const char*)((MatArg*)o[lane])->a + h / 32 * type_size[t], type_size[t]);
    }
  });
}
void msl_mat_mma(void* d, int td, const void* a, int ta, const void* b, int tb, const void* c, int tc) {
  MatArg mine{d, a, b, c, 0, 0, 0, 0, 0};
  collective(22, &mine, SITE, [&](void** o, int n) {
    check_lanes(o, n);
    float A[64], B[64], C[64];
    for (int i = 0; i < 64; ++i) {
      int h = home(i), k = h / 32; auto& l = *(MatArg*)o[h % 32];
      A[i] = (float)load((const char*)l.a + k * type_size[ta], ta);
      B[i] = (float)load((const char*)l.b + k * type_size[tb], tb);
      C[i] = (float)load((const char*)l.c + k * type_size[tc], tc);
    }
    for (int r = 0; r < 8; ++r)
      for (int k = 0; k < 8; ++k)
        for (int j = 0; j < 8; ++j) C[r * 8 + j] += A[r * 8 + k] * B[k * 8 + j];
    for (int i = 0; i < 64; ++i) {
      int h = home(i);
      store((char*)((MatArg*)o[h % 32])->d + h / 32 * type_size[td], td, C[i]);
    }
  });
}
// 0 load, 1 store, 2 exchange, 3 add, 4 sub, 5 and, 6 or, 7 xor, 8 min, 9 max, 10 compare-exchange (weak)
uint64_t msl_atomic(int op, int t, uint64_t addr, uint64_t value, uint64_t expected) {
  if (options().schedule == Schedule::shuffle && rng() % 4 == 0) leave(State::ready, nullptr);  // let others in between
  void* p = (void*)addr;
  if (options().races) access(p, type_size[t], op != 0, true);
  uint64_t old = 0, now = value;
  memcpy(&old, p, type_size[t]);
  if (op == 10) {
    if (options().schedule == Schedule::shuffle && rng() % 4 == 0) return old | 1ull << 63;
    now = old == expected ? value : old;
  }
  double a = load(&old, t), b = load(&value, t);
  bool real = t <= bf16;
  switch (op) {
    case 0: return old;
    case 3: if (real) store(&now, t, a + b); else now = old + value; break;
    case 4: if (real) store(&now, t, a - b); else now = old - value; break;
    case 5: now = old & value; break;
    case 6: now = old | value; break;
    case 7: now = old ^ value; break;
    case 8: now = b < a ? value : old; break;
    case 9: now = a < b ? value : old; break;
  }
  memcpy(p, &now, type_size[t]);
  return old;
}

uint16_t __truncsfbf2(float f);  // libgcc 12 lacks it; the result is returned in xmm0, as a __bf16
asm(R"(
  .globl __truncsfbf2
__truncsfbf2:
  subq $8, %rsp
  call msl_to_bf16
  addq $8, %rsp
  movd %eax, %xmm0
  ret
)");
uint32_t msl_to_bf16(float f) { return to_bf16(f); }

// Callbacks of -fsanitize=thread: only kernels are compiled with it.
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
#define CALLBACK(name, n, w) void __tsan_##name##n(void* p) { blame = SITE; access(p, n, w); }
#define TSAN(n)                                                                                       \
  CALLBACK(read, n, false) CALLBACK(unaligned_read, n, false) CALLBACK(volatile_read, n, false)       \
  CALLBACK(write, n, true) CALLBACK(unaligned_write, n, true) CALLBACK(volatile_write, n, true)
TSAN(1) TSAN(2) TSAN(4) TSAN(8) TSAN(16)
void* __tsan_memcpy(void* d, const void* s, size_t n) { access(s, n, false); access(d, n, true); return memcpy(d, s, n); }
void* __tsan_memmove(void* d, const void* s, size_t n) { access(s, n, false); access(d, n, true); return memmove(d, s, n); }
void* __tsan_memset(void* d, int c, size_t n) { access(d, n, true); return memset(d, c, n); }
}
