// The race detector. Kernels compiled with -fsanitize=thread call __tsan_read4 and similar
// functions before every access. This file defines those functions; libtsan is not linked. For each
// byte of shared and device memory it keeps the last writer and up to four readers since then. Each
// access has epochs: the group barriers passed and, within the warp, clocks that warp barriers
// advance, both per class of memory that a barrier may order. Two accesses of one byte by two
// threads, at least one of them a write, race unless a barrier lies between them.
//
// The detector also reports accesses out of bounds to the byte, reads of shared memory that nobody
// wrote, reads of memory that an asynchronous copy has yet to write, and accesses to host memory.
// Because it is called before every access, Schedule::kShuffle uses it to switch threads between
// accesses.
#include "common/races.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "common/fibres.h"

namespace emulate {
namespace {

struct Access {
  uint32_t thread = 0;      // group * 1024 + thread + 1; 0: none
  uint16_t epoch = 0;       // group barriers passed before the access
  uint16_t clock : 15 = 0;  // the thread's clock since the last group barrier; warp barriers advance it
  uint16_t atomic : 1 = 0;
  const void* pc = nullptr;
};
constexpr int kReaders = 4;
struct Cell {
  Access write, reads[kReaders];
};
struct alignas(64) Word {  // four bytes, which share cell 0 until one of them is accessed separately
  bool split;
  uint8_t pending;  // bytes that an unfinished asynchronous copy will write
  Cell cells[4];
};

class Shadow {  // one Word per four bytes of a range; untouched ones use no memory
 public:
  void cover(Range r) {
    char* base = reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(r.begin) & ~uintptr_t(15));
    if (base == base_ && r.end <= end_) return;
    if (words_) munmap(words_, bytes_);
    base_ = base;
    end_ = r.end;
    bytes_ = (size_t(end_ - base_) / 4 + 1) * sizeof(Word);
    words_ = reinterpret_cast<Word*>(Reserve(bytes_, PROT_READ | PROT_WRITE).begin);
  }
  void clear() {
    if (words_) madvise(words_, bytes_, MADV_DONTNEED);
  }
  Word& word(const char* p) { return words_[(p - base_) / 4]; }

 private:
  char *base_ = nullptr, *end_ = nullptr;
  Word* words_ = nullptr;
  size_t bytes_ = 0;
};
Shadow shared_shadow, device_shadow;

unsigned group;
int pending_words;  // in shared memory, for an asynchronous copy
// Per class of memory: device, shared.
uint16_t epoch[2];
uint16_t seen[2][kMaxThreads][32];  // [t][l]: the clock of lane l of t's warp that t has synchronized with;
                                    // [t][own lane] is its own

bool Ordered(const Access& a, const Access& me, bool shared) {  // a happened before me, or there is no a
  if (!a.thread || a.thread == me.thread) return true;
  if ((a.thread - 1) / kMaxThreads != group) return false;
  if (a.epoch != me.epoch) return true;
  unsigned other = (a.thread - 1) % kMaxThreads, t = (me.thread - 1) % kMaxThreads;
  return other / 32 == t / 32 && a.clock <= seen[shared][t][other % 32];
}

void Describe(const Access& a, const char* what, char* text, size_t size) {
  char code[512];
  DescribeCode(static_cast<const char*>(a.pc) - 1, code, sizeof code);
  unsigned g = (a.thread - 1) / kMaxThreads, t = (a.thread - 1) % kMaxThreads;
  const unsigned across = grid_size.x * grid_size.y * grid_size.z;
  const char* earlier = g / across == group / across ? "" : " of an earlier dispatch";
  g %= across;
  snprintf(text, size, "%s by %s (%u,%u,%u) thread (%u,%u,%u)%s in %s", what, language.group, g % grid_size.x,
           g / grid_size.x % grid_size.y, g / (grid_size.x * grid_size.y), t % group_size.x,
           t / group_size.x % group_size.y, t / (group_size.x * group_size.y), earlier, code);
}
[[noreturn]] void Report(const char* p, const char* problem, const Access* before, const char* before_what,
                         const Access& me, const char* what) {
  char where[256], first[800] = "", second[800];
  DescribeAddress(p, where, sizeof where);
  if (before) Describe(*before, before_what, first, sizeof first);
  Describe(me, what, second, sizeof second);
  Fail("%s %s%s%s\n  %s%s", problem, where, before ? "\n  " : "", first, before ? "then " : "", second);
}

void Check(Cell& cell, const Access& me, Kind kind, bool shared, const char* p) {
  auto stale = [&](const Access& a) { return shared && a.thread && (a.thread - 1) / kMaxThreads != group; };
  if (stale(cell.write)) cell.write = {};
  const bool reads_only = kind == Kind::kRead;
  if (!(me.atomic && cell.write.atomic) && !Ordered(cell.write, me, shared))
    Report(p, "race on", &cell.write, cell.write.atomic ? "atomic" : "write", me,
           reads_only  ? "read"
           : me.atomic ? "atomic"
                       : "write");
  if (reads_only) {
    if (shared && !cell.write.thread) Report(p, "read of uninitialized", nullptr, nullptr, me, "read");
    // Replace a read that is ordered before this one, or else one whose warp is represented twice.
    Access* slot = nullptr;
    for (Access& r : cell.reads)
      if (Ordered(r, me, shared) || stale(r)) {
        slot = &r;
        break;
      }
    auto warp = [](const Access& a) { return (a.thread - 1) / 32; };
    for (int i = 0; !slot && i < kReaders; ++i) {
      if (warp(cell.reads[i]) == warp(me)) slot = &cell.reads[i];
      for (int j = 0; j < i; ++j)
        if (warp(cell.reads[i]) == warp(cell.reads[j])) slot = &cell.reads[i];
    }
    if (slot) *slot = me;
    return;
  }
  for (Access& r : cell.reads) {
    if (!stale(r) && !Ordered(r, me, shared)) Report(p, "race on", &r, "read", me, me.atomic ? "atomic" : "write");
    r = {};
  }
  cell.write = me;
}

void OnAccess(const void* address, size_t size, Kind kind, const void* pc, int thread) {
  auto* p = static_cast<const char*>(address);
  if (stacks_range.has(p)) return;
  const bool shared = shared_range.has(p);
  Access me;
  me.thread = group * kMaxThreads + unsigned(thread) + 1;
  me.epoch = epoch[shared];
  me.clock = seen[shared][thread][thread % 32];
  me.atomic = kind == Kind::kAtomic;
  me.pc = pc;
  const char* what = kind == Kind::kRead ? "read" : "write";
  const Place place = PlaceOf(p, size, kind);
  if (place.problem) Report(place.at, place.problem, nullptr, nullptr, me, what);
  if (place.memory == Place::kOther) return;
  for (const char* end = p + size; p < end;) {
    Word& w = (shared ? shared_shadow : device_shadow).word(p);
    const int first = int(reinterpret_cast<uintptr_t>(p) & 3), count = int(std::min<ptrdiff_t>(4 - first, end - p));
    if (w.pending & ((1 << count) - 1) << first)
      Report(p, "cp.async has not been waited for:", nullptr, nullptr, me, what);
    if (!w.split && count < 4) {
      w.split = true;
      for (int i = 1; i < 4; ++i) w.cells[i] = w.cells[0];
    }
    for (int i = first; i < (w.split ? first + count : 1); ++i) Check(w.cells[i], me, kind, shared, p - first + i);
    p += count;
  }
}

void OnPending(const void* address, size_t size, bool begins) {
  const int thread = ThreadInGroup();
  for (auto *p = static_cast<const char*>(address), *end = p + size; p < end; p += 4) {
    Word& w = shared_shadow.word(p);
    pending_words += int(begins) - int(w.pending != 0);
    w.pending = begins ? 15 : 0;
    for (Cell& c : w.cells) {  // the write counts as the thread's own, at the time of its wait
      c.write.epoch = epoch[1];
      c.write.clock = seen[1][thread][thread % 32];
    }
  }
}
void Advance(unsigned classes, int threads) {
  for (int c = 0; c < 2; ++c) {
    if (!(classes >> c & 1)) continue;
    if (++epoch[c] == 0) Fail("race detector: more than 65535 barriers in a %s", language.group);
    memset(seen[c], 0, sizeof seen[c][0] * size_t(threads));
    for (int t = 0; t < threads; ++t) seen[c][t][t % 32] = 1;
  }
}
void OnBarrier(unsigned classes) { Advance(classes, ThreadCount()); }
void OnWarpBarrier(int warp, unsigned mask, unsigned classes) {
  for (int c = 0; c < 2; ++c) {
    if (!(classes >> c & 1)) continue;
    uint16_t all[32] = {};
    auto lanes = [&](auto f) {
      for (int i = 0; i < 32; ++i)
        if (mask >> i & 1) f(i, seen[c][warp * 32 + i]);
    };
    lanes([&](int, uint16_t* row) {
      for (int l = 0; l < 32; ++l) all[l] = std::max(all[l], row[l]);
    });
    lanes([&](int i, uint16_t* row) {
      memcpy(row, all, sizeof all);
      if (++row[i] == 1 << 15) Fail("race detector: more than 32767 warp barriers between two of the group");
    });
  }
}

void Instrumented(const void* p, size_t size, Kind kind, const void* pc) {
  if (!in_kernel || stacks_range.has(p)) return;
  MaybeYield();
  if (races) OnAccess(p, size, kind, pc, ThreadInGroup());
}
}  // namespace

const RaceHooks race_hooks{OnBarrier, OnWarpBarrier, OnAccess, OnPending};

void ForgetAccesses() {
  shared_shadow.cover(shared_range);
  device_shadow.cover(arena_range);
  shared_shadow.clear();
  device_shadow.clear();
  pending_words = 0;
}
void BeginRaceGroup(unsigned number) {
  group = number;
  epoch[0] = epoch[1] = 0;
  Advance(kAllMemory, kMaxThreads);
  if (pending_words) shared_shadow.clear();  // drops copies that nobody waited for; the rest is recognized as stale
  pending_words = 0;
}

}  // namespace emulate

// --- what the compiler's instrumentation calls
#define EMULATE_PC __builtin_return_address(0)
#define CALLBACK(name, n, kind) \
  void __tsan_##name##n(void* p) { emulate::Instrumented(p, n, emulate::Kind::kind, EMULATE_PC); }
#define CALLBACKS(n)                          \
  CALLBACK(read, n, kRead)                    \
  CALLBACK(write, n, kWrite)                  \
  CALLBACK(unaligned_read, n, kRead)          \
  CALLBACK(unaligned_write, n, kWrite)        \
  CALLBACK(volatile_read, n, kRead)           \
  CALLBACK(volatile_write, n, kWrite)         \
  CALLBACK(unaligned_volatile_read, n, kRead) \
  CALLBACK(unaligned_volatile_write, n, kWrite)
#pragma GCC visibility push(default)
extern "C" {
CALLBACKS(1) CALLBACKS(2) CALLBACKS(4) CALLBACKS(8) CALLBACKS(16) void __tsan_read_range(void* p, size_t n) {
  emulate::Instrumented(p, n, emulate::Kind::kRead, EMULATE_PC);
}
void __tsan_write_range(void* p, size_t n) { emulate::Instrumented(p, n, emulate::Kind::kWrite, EMULATE_PC); }
void __tsan_vptr_read(void**) {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit(void*) {}
void __tsan_init() {}
// Clang calls these; GCC calls them through reroute.h.
void* __tsan_memcpy(void* to, const void* from, size_t n) {
  emulate::Instrumented(from, n, emulate::Kind::kRead, EMULATE_PC);
  emulate::Instrumented(to, n, emulate::Kind::kWrite, EMULATE_PC);
  return memcpy(to, from, n);
}
void* __tsan_memmove(void* to, const void* from, size_t n) {
  emulate::Instrumented(from, n, emulate::Kind::kRead, EMULATE_PC);
  emulate::Instrumented(to, n, emulate::Kind::kWrite, EMULATE_PC);
  return memmove(to, from, n);
}
void* __tsan_memset(void* to, int value, size_t n) {
  emulate::Instrumented(to, n, emulate::Kind::kWrite, EMULATE_PC);
  return memset(to, value, n);
}
}
#pragma GCC visibility pop
