#include "binding/coverage.h"

#if defined(NANO_FUZZING)

#include <cstddef>
#include <cstdint>

namespace {

uint8_t* counters = nullptr;
size_t edges = 0;

}  // namespace

// Clang's code calls it when this library is loaded. In other programs libFuzzer defines it.
extern "C" void __sanitizer_cov_8bit_counters_init(uint8_t* begin, uint8_t* end) {
  counters = begin;
  edges = static_cast<size_t>(end - begin);
}

namespace nano::binding {

Napi::Value Coverage(const Napi::CallbackInfo& info) {
  return Napi::Uint8Array::New(info.Env(), edges, Napi::ArrayBuffer::New(info.Env(), counters, edges), 0);
}

}  // namespace nano::binding

#endif
