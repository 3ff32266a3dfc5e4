// Runs one dispatch of a kernel that compile.js has compiled, on the emulated GPU.
#pragma once
#include <string>

#include "common/fibres.h"
#include "common/memory.h"

namespace emulate {

constexpr int kSlots = 31;                               // buffer indices 0..30
constexpr size_t kThreadgroupMemory = size_t(32) << 10;  // bytes that a threadgroup may have

struct Binding {
  const char* data = nullptr;        // null: nothing is bound
  size_t size = 0;                   // to the end of the buffer
  Allocation* allocation = nullptr;  // null: memory of the host
};
struct Dispatch {
  void (*entry)();
  Range image;           // of the shader's library
  Index threads, group;  // of the grid (not rounded up: the last groups may be smaller); of a group
  Binding buffers[kSlots];
  size_t threadgroup_bytes[kSlots];
  bool concurrent;  // no barrier lies between this dispatch and the one before
  bool races;       // the shader is compiled to look for them
};
std::string RunDispatch(const Dispatch& dispatch);  // "", or what went wrong

}  // namespace emulate
