// Finds the rule of an op by its name.
#include "ops/rules.h"

#include <string_view>
#include <utility>

namespace nano {
namespace {

constexpr std::pair<std::string_view, const Rule*> kRules[] = {
#define NANO_OP(name, Stem, cpu, gpu) {#name, &k##Stem##Rule},
#include "ops/ops.def"
};

}  // namespace

const Rule* FindRule(std::string_view op) {
  for (const auto& [name, rule] : kRules) {
    if (name == op) return rule;
  }
  return nullptr;
}

}  // namespace nano
