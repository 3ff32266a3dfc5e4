// The variables of the environment that turn things on and off, as lib/backend/switches.ts reads them.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace nano {

// Whether a variable turns its thing on or off; nothing: it isn't set, or says neither.
inline std::optional<bool> SwitchOf(const char* name) {
  const char* const value = std::getenv(name);
  std::string word;
  for (const char* at = value; at != nullptr && *at != 0; ++at) {
    if (*at != ' ') word += static_cast<char>(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
  }
  for (const char* on : {"1", "true", "yes", "on"}) {
    if (word == on) return true;
  }
  for (const char* off : {"0", "false", "no", "off"}) {
    if (word == off) return false;
  }
  return std::nullopt;
}

}  // namespace nano
