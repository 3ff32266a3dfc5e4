// Runs one dispatch of a kernel compiled by compile.js on the emulated GPU.
#pragma once
#include <string>

#include "common/fibres.h"
#include "common/memory.h"

namespace emulate {

constexpr int kSlots = 31;                               // buffer indices 0..30
constexpr size_t kThreadgroupMemory = size_t(32) << 10;  // bytes per threadgroup

struct Binding {
  const char* data = nullptr;        // null: unbound
  size_t size = 0;                   // to the end of the buffer
  Allocation* allocation = nullptr;  // null: host memory
};
struct Dispatch {
  void (*entry)();
  Range image;           // the shader's library
  Index threads, group;  // threads: of the grid, where the last groups may be smaller; group: threads per group
  Binding buffers[kSlots];
  size_t threadgroup_bytes[kSlots];
  bool concurrent;  // no barrier precedes this dispatch
  bool races;       // the shader is compiled for the race detector
};
std::string RunDispatch(const Dispatch& dispatch);  // returns "" or what went wrong

}  // namespace emulate
