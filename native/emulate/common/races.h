// The race detector's interface (races.cc).
#pragma once
#include <cstddef>

#include "common/memory.h"

namespace emulate {

enum class Kind { kRead, kWrite, kAtomic };

// Null unless the race detector is enabled.
struct RaceHooks {
  void (*barrier)(unsigned classes);
  void (*warp_barrier)(int warp, unsigned mask, unsigned classes);
  void (*access)(const void* address, size_t size, Kind kind, const void* pc, int thread);
  void (*pending)(const void* address, size_t size, bool begins);
};
extern const RaceHooks* races;
extern const RaceHooks race_hooks;  // `races` points here when the detector is enabled

// Reports an access made by the emulator on behalf of a thread (thread < 0: the running one).
void Touch(const void* address, size_t size, Kind kind, const void* pc, int thread = -1);

// The memory that a kernel accesses, as each emulator classifies it.
struct Place {
  enum { kDevice, kShared, kOther } memory;  // kOther: never races
  const char* problem;                       // null: the access is valid
  const char* at;                            // the address to report
};
Place PlaceOf(const char* address, size_t size, Kind kind);

// Call this before the first group of a grid, unless no barrier precedes the grid.
void ForgetAccesses();
void BeginRaceGroup(unsigned number);  // call before each group; numbers must be unique since ForgetAccesses()

}  // namespace emulate
