// Seams between the core (simt.cc), the fake runtime (runtime.cc) and the race detector (race.cc).
#pragma once
#include "simt.h"

namespace simt {

// The race detector fills this in when it is linked; everything stays null otherwise.
struct Hooks {
  void (*launch)(const Launch&);
  void (*block)(unsigned block, int threads);
  void (*barrier)();
  void (*WarpBarrier)(int warp, unsigned mask);
  void (*access)(const void* address, size_t size, Kind kind, const void* pc, int thread);
  void (*async)(const void* address, size_t size, bool pending, const void* pc);
};
extern const Hooks* hooks;

// core
struct Range {
  char *begin, *end;
  bool has(const void* p) const { return p >= begin && p < end; }
};
extern Range shared_range;  // all __shared__ variables, the dynamic array included
extern Range stacks_range;  // the fibres' stacks
extern Range image_range;   // the module's own segments: __device__ and __constant__ variables, literals
extern bool in_kernel;      // a fibre is running
const Launch& CurrentLaunch();
Schedule CurrentSchedule();
unsigned RandomNumber();
void DescribeThread(int thread, char* text, size_t size);         // "block (..) thread (..)"
void DescribeCode(const void* address, char* text, size_t size);  // "function at file:line", by addr2line

// fake runtime
struct Allocation {
  char* base;
  size_t size;
  char* mapping;
  size_t mapped;
  int id;
  bool live;
};
extern Range arena_range;                               // the address space that all device allocations come from
const Allocation* FindAllocation(const void* address);  // the nearest at or below; may not contain the address
void DescribeAddress(const void* address, char* text, size_t size);
}  // namespace simt
