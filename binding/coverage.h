// What a fuzzer of the addon learns: which edges of the compiled code were taken.
#pragma once

#if defined(NANO_FUZZING)

#include <napi.h>

namespace nano::binding {

// coverage(): a Uint8Array over the counters of all edges, which the addon increments and the
// fuzzer sets to 0.
Napi::Value Coverage(const Napi::CallbackInfo& info);

}  // namespace nano::binding

#endif
