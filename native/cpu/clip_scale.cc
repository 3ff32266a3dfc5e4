// clip_scale: the factor that reduces a norm to its maximum.
#include "ops/clip_scale.h"

#include "cpu/kernels.h"

namespace nano::cpu::NANO_ISA {
InputError RunClipScale(const Call& call) {
  *call.outputs[0].f32() = ClipScale(*call.inputs[0].f32(), call.params->as<ClipScaleParams>().max_norm);
  return {};
}

}  // namespace nano::cpu::NANO_ISA
