// Environment variables that enable or disable a feature, parsed like lib/backend/switches.ts does.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace nano {

// True or false as the variable says, or nothing if it is unset or holds any other value.
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
