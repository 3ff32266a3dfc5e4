// The race detector's side that faces the rest (races.cc).
#pragma once
#include <cstddef>

#include "common/memory.h"

namespace emulate {

enum class Kind { kRead, kWrite, kAtomic };

// Null while races are not looked for.
struct RaceHooks {
  void (*barrier)(unsigned classes);
  void (*warp_barrier)(int warp, unsigned mask, unsigned classes);
  void (*access)(const void* address, size_t size, Kind kind, const void* pc, int thread);
  void (*pending)(const void* address, size_t size, bool begins);
};
extern const RaceHooks* races;
extern const RaceHooks race_hooks;  // what `races` points to when they are

// Reports an access made by the emulator on behalf of a thread (thread < 0: the running one).
void Touch(const void* address, size_t size, Kind kind, const void* pc, int thread = -1);

// What a kernel accesses, as each emulator judges it.
struct Place {
  enum { kDevice, kShared, kOther } memory;  // kOther: races there are none
  const char* problem;                       // null: the access is right
  const char* at;                            // the address to name
};
Place PlaceOf(const char* address, size_t size, Kind kind);

// To be called before the first group of a grid, but where no barrier lies before it, and before each group.
void ForgetAccesses();
void BeginRaceGroup(unsigned number);  // unlike that of any other since accesses were forgotten

}  // namespace emulate
