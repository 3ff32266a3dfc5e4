// Whether AddressSanitizer watches: memory is then laid out so that it can see a tensor's end, and filled with NaN.
// NANO_SANITIZING asks for the same without it.
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
