// The texts of native/metal/*.metal, embedded in the binary by sources.cmake.
#pragma once

#include <cstddef>

namespace nano::metal {

struct Source {
  const char* name;  // "relu"
  const char* text;
};
extern const Source kSources[];
extern const size_t kSourceCount;

}  // namespace nano::metal
