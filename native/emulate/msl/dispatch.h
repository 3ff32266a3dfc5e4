// runs one compute dispatch of a kernel compiled by msl.mjs, one fibre per GPU thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace emu {

struct Ctx {  // what a thread knows about itself; must match struct msl_ctx in metal_shim.h
  uint32_t thread_position_in_grid[3], thread_position_in_threadgroup[3], threadgroup_position_in_grid[3];
  uint32_t threads_per_threadgroup[3], dispatch_threads_per_threadgroup[3], threadgroups_per_grid[3], threads_per_grid[3];
  uint32_t thread_index_in_threadgroup, thread_index_in_simdgroup, simdgroup_index_in_threadgroup;
  uint32_t simdgroups_per_threadgroup, threads_per_simdgroup;
};

struct Size { uint32_t v[3]; };
constexpr int kSlots = 31;                      // buffer indices 0..30
constexpr size_t kThreadgroupLimit = 32 << 10;  // bytes of threadgroup memory on Apple7 and later
constexpr int kMaxThreads = 1024;

struct Range { char* p; size_t n; };  // memory a kernel may touch
struct Dispatch {
  void (*entry)();
  Size threads, group;      // threads of the whole grid (not rounded up: the last groups may be smaller)
  Range buffer[kSlots];     // bound memory, from the bound offset to the end of the buffer
  size_t threadgroup_bytes[kSlots];
  bool concurrent;          // no barrier between this dispatch and the one before it (for the race detector)
};

enum class Schedule { ascending, descending, shuffle };
struct Options { Schedule schedule = Schedule::ascending; uint64_t seed = 1; bool races = false; };
Options& options();

// Runs the dispatch; returns "" or a description of the first thing that went wrong.
std::string run(const Dispatch&);

// Memory whose end touches a PROT_NONE page (to 16 bytes; the rest is a canary checked by check()).
struct Memory {
  char* p = nullptr; size_t n = 0; char* base = nullptr; size_t mapped = 0;
  void allocate(size_t bytes);
  void release();
  bool intact() const;          // canary bytes before and after the memory still hold
  void protect(bool allowed);   // make it (in)accessible to everyone
};
void name_memory(const Memory*, const char* why);  // the message of a host fault in this memory

}  // namespace emu
