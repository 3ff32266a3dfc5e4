// Whether AddressSanitizer is active. If so, memory is laid out so that it detects accesses past a
// tensor's end, and is filled with NaN. Defining NANO_SANITIZING does the same without the
// sanitizer.
#pragma once

namespace nano {

#if defined(__SANITIZE_ADDRESS__) || defined(NANO_SANITIZING)
constexpr bool kSanitizing = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kSanitizing = true;
#else
constexpr bool kSanitizing = false;
#endif
#else
constexpr bool kSanitizing = false;
#endif

}  // namespace nano
