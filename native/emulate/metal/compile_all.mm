// Compiles all shaders of the Metal backend for the emulated GPU before the tests run. It starts
// one process per processor and uses the driver's options. SIMT_RACES, SIMT_FAST_MATH and
// SIMT_LANGUAGE apply here too.
//
//   nano-metal-compile [NAME...]      only these: "relu" is relu.metal
#import <Metal/Metal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "metal/sources.h"

namespace {
using nano::metal::kSources;
using nano::metal::Source;

bool Compile(id<MTLDevice> device, const Source& source) {
  MTLCompileOptions* options = [MTLCompileOptions new];
  options.fastMathEnabled = NO;
  options.languageVersion = MTLLanguageVersion3_1;
  NSError* error = nil;
  if ([device newLibraryWithSource:[NSString stringWithUTF8String:source.text] options:options error:&error])
    return true;
  std::fprintf(stderr, "%s.metal does not compile:\n%s\n", source.name, error.localizedDescription.UTF8String);
  return false;
}
bool Wanted(const Source& source, int count, char** names) {
  bool wanted = count == 1;
  for (int i = 1; i < count; ++i) wanted |= std::strcmp(names[i], source.name) == 0;
  return wanted;
}
}  // namespace

int main(int count, char** names) {
  const size_t processes = std::max(1u, std::thread::hardware_concurrency());
  bool good = true;
  for (size_t p = 0; p < processes; ++p) {
    if (fork() != 0) continue;
    @autoreleasepool {
      id<MTLDevice> device = MTLCreateSystemDefaultDevice();
      for (size_t i = p; i < nano::metal::kSourceCount; i += processes)
        if (Wanted(kSources[i], count, names)) good &= Compile(device, kSources[i]);
    }
    std::fflush(nullptr);
    _exit(good ? 0 : 1);
  }
  for (int status; wait(&status) > 0;) good &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return good ? 0 : 1;
}
