// require_finite: copies a finite number and fails for any other.
#include "cpu/kernels.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
InputError RunRequireFinite(const Call& call) {
  const float x = *call.inputs[0].f32();
  if (x - x != 0) return NotFinite(kRequireFiniteX, x);
  *call.outputs[0].f32() = x;
  return {};
}

}  // namespace nano::cpu::NANO_ISA
