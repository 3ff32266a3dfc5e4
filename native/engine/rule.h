// What the engine asks of an op: a rule for counts, dtypes, shapes, attribute ranges and in-place pairs. Each op's rule
// is in native/ops/<op>.cc; its parameters, read from the attributes once, are in native/ops/<op>.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "engine/inline.h"
#include "engine/program.h"
#include "engine/status.h"

namespace nano {

// One op of a Program with the specs of its buffers.
struct OpView {
  std::string_view name;
  std::span<const TensorSpec> inputs;
  std::span<const TensorSpec> outputs;
  const Attributes* attributes;
};

// An op's parameters: a plain struct, the same for every backend, stored inline.
class Params {
 public:
  template <class T>
  NANO_INLINE void set(const T& value) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(storage_));
    *reinterpret_cast<T*>(storage_) = value;
  }
  template <class T>
  NANO_INLINE const T& as() const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(storage_));
    return *reinterpret_cast<const T*>(storage_);
  }

 private:
  alignas(16) std::byte storage_[128] = {};
};

struct Rule {
  // Checks everything that does not depend on the contents of buffers and fills in the parameters. An attribute that
  // the op does not know, lacks, or that is out of range is an error, and so is a dtype that docs/program.md doesn't
  // list for it.
  Status (*check)(const OpView& op, Params& params);
  // The input that output `output` shares its buffer with, or -1. Null: no op output is in place.
  int (*in_place)(const OpView& op, int output) = nullptr;
  // Its first output may lie where an input of its size does: kernels read nothing of an element once it is written.
  bool elementwise = false;
};

// The rule for an op's name, or null. ops/rules.cc defines it: the engine includes nothing of native/ops.
const Rule* FindRule(std::string_view op);

}  // namespace nano
