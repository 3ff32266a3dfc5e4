// Declares the rule of every op. Each rule is defined in its own file.
#pragma once

#include "engine/rule.h"

namespace nano {

#define NANO_OP(name, Stem, cpu, gpu) extern const Rule k##Stem##Rule;
#include "ops/ops.def"

}  // namespace nano
