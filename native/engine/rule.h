// The rule of an op checks its counts, dtypes, shapes, attribute ranges and in-place pairs. Each
// rule is in native/ops/<op>.cc. The op's parameters, which the rule reads from the attributes
// once, are in native/ops/<op>.h.
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
  // Checks everything that doesn't depend on the contents of buffers, and fills in the parameters.
  // Unknown, missing and out-of-range attributes are errors, and so are dtypes that docs/program.md
  // doesn't list for the op.
  Status (*check)(const OpView& op, Params& params);
  // Returns the input that shares its buffer with output `output`, or -1. Null: the op never works
  // in place.
  int (*in_place)(const OpView& op, int output) = nullptr;
  // Whether the first output may overwrite an input of the same size. Kernels of such an op never
  // read an element's inputs after they write that element.
  bool elementwise = false;
};

// The rule of the op with this name, or null. ops/rules.cc defines it, because the engine includes
// no header of native/ops.
const Rule* FindRule(std::string_view op);

}  // namespace nano
