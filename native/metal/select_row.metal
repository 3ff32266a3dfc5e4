// select_row: copies one row of each sequence.
#include "metal/move_rows.h"
#include "metal/validate.h"

struct SelectRowArguments {
  MoveRowsArguments move;
  uint32_t rows;  // per sequence
  uint32_t op;
};

#if defined(__METAL_VERSION__)

kernel void examine_row(device Control& control [[buffer(0)]], constant SelectRowArguments& arguments [[buffer(1)]],
                        device const int* row [[buffer(2)]]) {
  if (Stopped(control)) return;
  const InputError error = ValidateRange(kSelectRowRow, InputError::kRow, -1, *row, 0, long(arguments.rows) - 1);
  if (error.kind != InputError::kNone) Complain(control, arguments.op, error);
}

struct MoveFromRow {
  uint row, rows;

  Way operator()(uint b) const { return Way{b * rows + row, b}; }
};

kernel void select_row(device const Control& control [[buffer(0)]],
                       constant SelectRowArguments& arguments [[buffer(1)]], device float* y [[buffer(2)]],
                       device const float* x [[buffer(3)]], device const int* row [[buffer(4)]],
                       uint i [[thread_position_in_grid]]) {
  if (Stopped(control)) return;
  MoveUnit(arguments.move, i, x, y, MoveFromRow{uint(*row), arguments.rows});
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {

Outcome RunSelectRow(const Call& call, Message& message) {
  const Shape& x = InputShape(call, 0);
  const SelectRowArguments arguments = {ArgumentsOfMove(x[0], x[2]), static_cast<uint32_t>(x[1]), call.op};
  const Outcome outcome =
      Launch(call, message, {1, 1}, {"select_row", "examine_row"}, {InQuads(x[2])}, arguments, {call.inputs[1]});
  if (outcome != Outcome::kOk) return outcome;
  return Launch(call, message, GridOfElements(arguments.move.n), {"select_row", "select_row"}, {InQuads(x[2])},
                arguments, {call.outputs[0], call.inputs[0], call.inputs[1]});
}

}  // namespace nano::metal
#endif
