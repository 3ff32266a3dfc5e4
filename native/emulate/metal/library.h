// Shaders that msl/compile.js compiles for this processor, cached on disk for later processes.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/memory.h"

namespace emulate {

struct Argument {
  bool threadgroup;  // threadgroup memory; otherwise a buffer
  int index;
  std::string condition;  // a function constant; empty: always present
};
struct KernelInfo {
  void (*entry)();
  unsigned max_threads;  // per threadgroup
  size_t threadgroup_bytes = 0;
  std::vector<Argument> arguments;
  std::set<std::string> constants;  // function constants that the kernel reaches
};
struct ConstantInfo {
  std::string name, type;
  int index;
  char* value;    // address in the library
  char* defined;  // address of a bool
};
struct Library {
  Range image;
  bool races;
  std::map<std::string, KernelInfo> kernels;
  std::vector<ConstantInfo> constants;
};

struct ShaderOptions {
  bool fast = false;  // fast math
  bool races = false;
  std::string version = "3.1";       // language version
  std::vector<std::string> defines;  // NAME=VALUE
};
// Returns null and sets `error` if the source does not compile. Libraries are never closed, because
// callers may keep their kernels.
const Library* LoadLibrary(const std::string& source, const ShaderOptions& options, std::string& error);

}  // namespace emulate
