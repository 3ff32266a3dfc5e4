// Shaders, compiled for this processor by msl/compile.js, and kept on disk for the next process.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/memory.h"

namespace emulate {

struct Argument {
  bool threadgroup;  // memory; else a buffer
  int index;
  std::string condition;  // a function constant; empty: always there
};
struct KernelInfo {
  void (*entry)();
  unsigned max_threads;  // of a threadgroup
  size_t threadgroup_bytes = 0;
  std::vector<Argument> arguments;
  std::set<std::string> constants;  // that it reaches
};
struct ConstantInfo {
  std::string name, type;
  int index;
  char* value;    // in the library
  char* defined;  // a bool
};
struct Library {
  Range image;
  bool races;
  std::map<std::string, KernelInfo> kernels;
  std::vector<ConstantInfo> constants;
};

struct ShaderOptions {
  bool fast = false;  // mathematics
  bool races = false;
  std::string version = "3.1";       // of the language
  std::vector<std::string> defines;  // NAME=VALUE
};
// Null: it doesn't compile, and why. Libraries are never closed: who has seen one may hold on to its kernels.
const Library* LoadLibrary(const std::string& source, const ShaderOptions& options, std::string& error);

}  // namespace emulate
