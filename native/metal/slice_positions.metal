// slice_positions and concat_positions: copy positions of each sequence.
#include "metal/move_rows.h"

struct SlicePositionsArguments {
  MoveRowsArguments move;
  uint32_t length, begin, count;  // positions of the whole, and those of the part within it
};

#if defined(__METAL_VERSION__)

// Row r of the part is row r / count * length + begin + r % count of the whole.
struct MoveOut {
  uint length, begin, count;

  Way operator()(uint r) const {
    const uint b = r / count, t = r - b * count;
    return Way{b * length + begin + t, r};
  }
};

struct MoveIn {
  MoveOut out;

  Way operator()(uint r) const {
    const Way way = out(r);
    return Way{way.target, way.source};
  }
};

inline MoveOut MoveOf(constant SlicePositionsArguments& arguments) {
  return MoveOut{arguments.length, arguments.begin, arguments.count};
}

kernel void slice_positions(device const Control& control [[buffer(0)]],
                            constant SlicePositionsArguments& arguments [[buffer(1)]], device float* y [[buffer(2)]],
                            device const float* x [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  if (Stopped(control)) return;
  MoveUnit(arguments.move, i, x, y, MoveOf(arguments));
}

kernel void concat_positions(device const Control& control [[buffer(0)]],
                             constant SlicePositionsArguments& arguments [[buffer(1)]], device float* y [[buffer(2)]],
                             device const float* x [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  if (Stopped(control)) return;
  MoveUnit(arguments.move, i, x, y, MoveIn{MoveOf(arguments)});
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/slice_positions.h"

namespace nano::metal {
namespace {

int64_t SizeOf(const Call& call) { return call.params->as<SlicePositionsParams>().size; }

SlicePositionsArguments ArgumentsOf(const Call& call, const Shape& whole, const Shape& part, int64_t begin) {
  return {ArgumentsOfMove(part[0] * part[1], SizeOf(call)), static_cast<uint32_t>(whole[1]),
          static_cast<uint32_t>(begin), static_cast<uint32_t>(part[1])};
}

}  // namespace

Outcome RunSlicePositions(const Call& call, Message& message) {
  const int64_t begin = call.params->as<SlicePositionsParams>().begin;
  const SlicePositionsArguments arguments = ArgumentsOf(call, InputShape(call, 0), OutputShape(call, 0), begin);
  return Launch(call, message, GridOfElements(arguments.move.n), {"slice_positions", "slice_positions"},
                {InQuads(SizeOf(call))}, arguments, {call.outputs[0], call.inputs[0]});
}

Outcome RunConcatPositions(const Call& call, Message& message) {
  int64_t begin = 0;
  for (size_t i = 0; i < call.input_count; ++i) {
    const Shape& x = InputShape(call, i);
    const SlicePositionsArguments arguments = ArgumentsOf(call, OutputShape(call, 0), x, begin);
    const Outcome outcome =
        Launch(call, message, GridOfElements(arguments.move.n), {"slice_positions", "concat_positions"},
               {InQuads(SizeOf(call))}, arguments, {call.outputs[0], call.inputs[i]});
    if (outcome != Outcome::kOk) return outcome;
    begin += x[1];
  }
  return Outcome::kOk;
}

}  // namespace nano::metal
#endif
