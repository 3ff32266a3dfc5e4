// Finds values that are not finite as an op writes them, without another pass over memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "cpu/loops.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {

// 0 in the lanes where x is finite, NaN in the others. Sums of it keep a NaN.
NANO_INLINE F8 NanUnlessFinite(F8 x) { return x - x; }
// Whether a sum of NanUnlessFinite holds no NaN.
NANO_INLINE bool IsFinite(F8 sum) { return Sum(sum) == 0; }

// y = f(a, b) as Map computes it. Returns whether every y is finite.
template <class F>
NANO_INLINE bool MapFinite(const float* a, const float* b, float* y, int64_t n, const F& f) {
  F8 sum = Set(0);
  for (int64_t i = 0; i < n; i += 8) {
    const int64_t lanes = Smaller(8, n - i);
    const F8 result = f(LoadLanes(a + i, lanes), LoadLanes(b + i, lanes));
    StoreLanes(y + i, lanes, result);
    sum = sum + KeepLanes(NanUnlessFinite(result), lanes);
  }
  return IsFinite(sum);
}

// Whether the tasks of an op have written only finite values. Each worker has its own flag, because
// several run at once.
class FiniteFlags {
 public:
  NANO_INLINE void Note(int worker, bool is_finite) {
    if (!is_finite) found_[worker] = true;
  }

  // The error of the last output with a value that is not finite, or {} if none was noted. Reads the
  // outputs again only if one was.
  NANO_INLINE InputError Report(std::span<const Tensor> outputs) const {
    bool found = false;
    for (const bool by_worker : found_) found = found || by_worker;
    for (size_t i = found ? outputs.size() : 0; i-- > 0;) {
      if (!AllFinite(outputs[i].f32(), outputs[i].spec->elements())) {
        return NotFiniteOutput(static_cast<int64_t>(i), -1);
      }
    }
    return {};
  }

 private:
  NANO_INLINE static bool AllFinite(const float* x, int64_t n) {
    F8 sum = Set(0);
    for (int64_t i = 0; i < n; i += 8) sum = sum + NanUnlessFinite(LoadLanes(x + i, Smaller(8, n - i)));
    return IsFinite(sum);
  }

  bool found_[kMaxThreads] = {};
};

}  // namespace nano::cpu::NANO_ISA
