// select_row: one row of each sequence.
#include <cstring>

#include "cpu/kernels.h"
#include "ops/validate.h"

namespace nano::cpu::NANO_ISA {
InputError RunSelectRow(const Call& call) {
  const Shape& x = call.inputs[0].spec->shape;
  const int64_t row = *call.inputs[1].i32(), rows = x.dims[1], channels = x.dims[2];
  if (row < 0 || row >= rows) return ValidateRange(kSelectRowRow, InputError::kRow, -1, row, 0, rows - 1);
  for (int64_t b = 0; b < x.dims[0]; ++b) {
    std::memcpy(call.outputs[0].f32() + b * channels, call.inputs[0].f32() + (b * rows + row) * channels,
                static_cast<size_t>(channels) * sizeof(float));
  }
  return {};
}

}  // namespace nano::cpu::NANO_ISA
