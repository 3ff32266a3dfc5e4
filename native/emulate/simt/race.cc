// The race detector. Kernels compiled with -fsanitize=thread call __tsan_read4 and the like before every access; these
// are ours (libtsan is not linked). For each byte of shared and global memory we keep the last writer and up to four
// readers since, each with its epochs: block barriers passed and, within the warp, __syncwarp clocks. Two accesses of
// one byte by two threads, one of them a write, race unless a barrier lies between them. It also reports accesses out
// of bounds to the byte, reads of shared memory that nobody wrote, of cp.async destinations before the wait, and of
// host memory. Being called before every access it is also where Schedule::kShuffle changes threads in mid-flight.
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "hooks.h"

namespace simt {
namespace {

struct Access {
  uint32_t thread;      // block * 1024 + thread + 1; 0: none
  uint16_t epoch;       // block barriers passed before it
  uint16_t clock : 15;  // of its thread, since the last block barrier; __syncwarp advances it
  uint16_t atomic : 1;
  uint32_t pc;  // from the start of the module
};
constexpr int kReaders = 4;
struct Cell {
  Access write, reads[kReaders];
};
struct Word {  // four bytes, which share cell 0 until one of them is accessed on its own
  Cell cells[4];
  bool split;
  uint8_t pending;  // bytes that a cp.async not yet waited for will write
};

class Shadow {  // a Word for each four bytes of a range; untouched ones cost no memory
 public:
  void cover(Range r) {
    char* base = reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(r.begin) & ~uintptr_t(15));
    if (base == base_ && r.end <= end_) return;
    if (words_) munmap(words_, bytes_);
    base_ = base;
    end_ = r.end;
    bytes_ = (size_t(end_ - base_) / 4 + 1) * sizeof(Word);
    words_ = static_cast<Word*>(
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (words_ == MAP_FAILED) {
      perror("simt: shadow memory");
      __builtin_abort();
    }
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
Shadow shared_shadow, global_shadow;
Range dynamic_rest;  // dynamic shared memory beyond what the launch asked for

unsigned block;
uint16_t epoch;
int pending_words;        // of shared memory, awaiting a cp.async
uint16_t seen[1024][32];  // seen[t][l]: the clock of lane l of t's warp that t has synchronised with; [t][own lane] is
                          // its own

bool Ordered(const Access& a, const Access& me) {  // a happened before me, or there is no a
  if (!a.thread || a.thread == me.thread) return true;
  if ((a.thread - 1) / 1024 != block) return false;
  if (a.epoch != me.epoch) return true;
  unsigned other = (a.thread - 1) % 1024, t = (me.thread - 1) % 1024;
  return other / 32 == t / 32 && a.clock <= seen[t][other % 32];
}

void Describe(const Access& a, const char* what, char* text, size_t size) {
  char code[512];
  DescribeCode(image_range.begin + a.pc - 1, code, sizeof code);
  unsigned b = (a.thread - 1) / 1024, t = (a.thread - 1) % 1024;
  snprintf(text, size, "%s by block (%u,%u,%u) thread (%u,%u,%u) in %s", what, b % gridDim.x, b / gridDim.x % gridDim.y,
           b / (gridDim.x * gridDim.y), t % blockDim.x, t / blockDim.x % blockDim.y, t / (blockDim.x * blockDim.y),
           code);
}
[[noreturn]] void Report(const char* p, const char* problem, const Access* before, const char* before_what,
                         const Access& me, const char* what) {
  char where[256], first[700] = "", second[700];
  DescribeAddress(p, where, sizeof where);
  if (before) Describe(*before, before_what, first, sizeof first);
  Describe(me, what, second, sizeof second);
  Fail("%s %s%s%s\n  %s%s", problem, where, before ? "\n  " : "", first, before ? "then " : "", second);
}

void Check(Cell& cell, const Access& me, Kind kind, bool shared, const char* p) {
  auto stale = [&](const Access& a) { return shared && a.thread && (a.thread - 1) / 1024 != block; };
  if (stale(cell.write)) cell.write = {};
  const bool reads_only = kind == Kind::kRead;
  if (!(me.atomic && cell.write.atomic) && !Ordered(cell.write, me))
    Report(p, "race on", &cell.write, cell.write.atomic ? "atomic" : "write", me,
           reads_only  ? "read"
           : me.atomic ? "atomic"
                       : "write");
  if (reads_only) {
    if (shared && !cell.write.thread) Report(p, "read of uninitialised", nullptr, nullptr, me, "read");
    // Replace a read that this one makes superfluous (ordered before it), else one whose warp is represented twice.
    Access* slot = nullptr;
    for (Access& r : cell.reads)
      if (Ordered(r, me) || stale(r)) {
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
    if (!stale(r) && !Ordered(r, me)) Report(p, "race on", &r, "read", me, me.atomic ? "atomic" : "write");
    r = {};
  }
  cell.write = me;
}

void OnAccess(const void* address, size_t size, Kind kind, const void* pc, int thread) {
  auto* p = static_cast<const char*>(address);
  if (stacks_range.has(p)) return;
  Access me{block * 1024 + unsigned(thread) + 1, epoch, 0, kind == Kind::kAtomic,
            uint32_t(static_cast<const char*>(pc) - image_range.begin)};
  me.clock = seen[thread][thread % 32];
  const char* what = kind == Kind::kRead ? "read" : "write";
  const bool shared = shared_range.has(p);
  if (shared) {
    if (dynamic_rest.has(p + size - 1))
      Report(p + size - 1, "out of the bounds the launch asked for:", nullptr, nullptr, me, what);
  } else if (arena_range.has(p)) {
    const Allocation* a = FindAllocation(p);
    if (!a || !a->live || p + size > a->base + a->size)
      Report(a && a->live && p < a->base + a->size ? a->base + a->size : p, "out of bounds:", nullptr, nullptr, me,
             what);
  } else {
    auto* args = static_cast<const char*>(CurrentLaunch().args);
    if (image_range.has(p) || (p >= args && p < args + CurrentLaunch().args_size)) return;
    Report(p, "device code touches", nullptr, nullptr, me, what);
  }
  for (const char* end = p + size; p < end;) {
    Word& w = (shared ? shared_shadow : global_shadow).word(p);
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

void OnAsync(const void* address, size_t size, bool pending, const void*) {
  for (auto *p = static_cast<const char*>(address), *end = p + size; p < end; p += 4) {
    Word& w = shared_shadow.word(p);
    pending_words += int(pending) - int(w.pending != 0);
    w.pending = pending ? 15 : 0;
    for (Cell& c : w.cells) {  // it counts as written by its thread when that thread has waited
      c.write.epoch = epoch;
      c.write.clock = seen[ThreadInBlock()][Lane()];
    }
  }
}
void OnLaunch(const Launch& l) {
  auto* dynamic = reinterpret_cast<char*>(dynamic_shared);
  dynamic_rest = {dynamic + l.dynamic_shared, dynamic + kMaxDynamicShared};
  shared_shadow.cover(shared_range);
  global_shadow.cover(arena_range);
  shared_shadow.clear();
  global_shadow.clear();
  pending_words = 0;
}
void OnBarrier() {
  if (++epoch == 0) Fail("race detector: more than 65535 barriers in a block");
  for (auto& row : seen)
    for (uint16_t& c : row) c = 0;
  for (int t = 0; t < 1024; ++t) seen[t][t % 32] = 1;
}
void OnBlock(unsigned b, int) {
  block = b;
  epoch = 0;
  OnBarrier();
  if (pending_words) shared_shadow.clear();  // cp.asyncs that nobody waited for; the rest is recognised as stale
  pending_words = 0;
}
void OnWarpBarrier(int warp, unsigned mask) {
  uint16_t all[32] = {};
  auto lanes = [&](auto f) {
    for (int i = 0; i < 32; ++i)
      if (mask >> i & 1) f(i, seen[warp * 32 + i]);
  };
  lanes([&](int, uint16_t* row) {
    for (int l = 0; l < 32; ++l) all[l] = std::max(all[l], row[l]);
  });
  lanes([&](int i, uint16_t* row) {
    memcpy(row, all, sizeof all);
    if (++row[i] == 1 << 15) Fail("race detector: more than 32767 __syncwarps between two block barriers");
  });
}

const Hooks ours{OnLaunch, OnBlock, OnBarrier, OnWarpBarrier, OnAccess, OnAsync};
struct Install {
  Install() { hooks = &ours; }
} install;

void Instrumented(const void* p, size_t size, Kind kind, const void* pc) {
  if (!in_kernel || stacks_range.has(p)) return;
  MaybeYield();
  OnAccess(p, size, kind, pc, ThreadInBlock());
}
}  // namespace
}  // namespace simt

// --- what the compiler's instrumentation calls
#define CALLBACKS(n)                                                                                 \
  void __tsan_read##n(void* p) { simt::Instrumented(p, n, simt::Kind::kRead, SIMT_PC); }             \
  void __tsan_write##n(void* p) { simt::Instrumented(p, n, simt::Kind::kWrite, SIMT_PC); }           \
  void __tsan_unaligned_read##n(void* p) { simt::Instrumented(p, n, simt::Kind::kRead, SIMT_PC); }   \
  void __tsan_unaligned_write##n(void* p) { simt::Instrumented(p, n, simt::Kind::kWrite, SIMT_PC); } \
  void __tsan_volatile_read##n(void* p) { simt::Instrumented(p, n, simt::Kind::kRead, SIMT_PC); }    \
  void __tsan_volatile_write##n(void* p) { simt::Instrumented(p, n, simt::Kind::kWrite, SIMT_PC); }
extern "C" {
CALLBACKS(1) CALLBACKS(2) CALLBACKS(4) CALLBACKS(8) CALLBACKS(16) void __tsan_read_range(void* p, size_t n) {
  simt::Instrumented(p, n, simt::Kind::kRead, SIMT_PC);
}
void __tsan_write_range(void* p, size_t n) { simt::Instrumented(p, n, simt::Kind::kWrite, SIMT_PC); }
void __tsan_vptr_read(void**) {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit(void*) {}
void __tsan_init() {}
// libtsan intercepts these; kernels are compiled to call ours instead (reroute.h).
void* simt_memcpy(void* to, const void* from, size_t n) {
  simt::Instrumented(from, n, simt::Kind::kRead, SIMT_PC);
  simt::Instrumented(to, n, simt::Kind::kWrite, SIMT_PC);
  return memcpy(to, from, n);
}
void* simt_memmove(void* to, const void* from, size_t n) {
  simt::Instrumented(from, n, simt::Kind::kRead, SIMT_PC);
  simt::Instrumented(to, n, simt::Kind::kWrite, SIMT_PC);
  return memmove(to, from, n);
}
void* simt_memset(void* to, int value, size_t n) {
  simt::Instrumented(to, n, simt::Kind::kWrite, SIMT_PC);
  return memset(to, value, n);
}
}
