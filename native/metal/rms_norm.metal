// rms_norm and its gradient. Here a row is one group of channels, the unit that is normalized.
#include "metal/rows.h"

struct RmsNormArguments {
  uint32_t rows;
  float epsilon;
};

#if defined(__METAL_VERSION__)

constant uint kHasGain [[function_constant(4)]];

// A row stays in registers while its squares are summed. Without a gain, the gain is 1. y may be x:
// no thread reads an element that another one writes.
kernel void rms_norm(device const Control& control [[buffer(0)]], constant RmsNormArguments& arguments [[buffer(1)]],
                     device float* y [[buffer(2)]], device float* rstd [[buffer(3)]],
                     device const float* x [[buffer(4)]], device const float* gain [[buffer(5)]],
                     uint group [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]],
                     uint simdgroup [[simdgroup_index_in_threadgroup]],
                     uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float room[kMostRowSimdgroups];
  if (Stopped(control)) return;
  const RowThread at(Threads{lane, simdgroup, simdgroups});
  const uint row = group * at.rows + at.row;
  const bool is_there = row < arguments.rows;
  if (IsAlone() && !is_there) return;
  const uint n = ColumnsOf(is_there), from = row * kColumns;
  const FloatsIn values = FloatsIn(x, 2u).From(from), gains = FloatsIn(gain, false);
  const FloatsOut results = FloatsOut(y, 0u).From(from);

  RowPart part;
  part.Load(values, 0, n, at);
  float4 squares = float4(0);
  for (uint start = 0; start < kColumns; start += Turn()) {
    part.Turned(values, start, n, at);
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) {
      if (k < kHeld) squares += part.held[k] * part.held[k];
    }
  }
  const float factor = rsqrt(RowSum(SumOf(squares), room, at) / float(kColumns) + arguments.epsilon);

  for (uint start = 0; start < kColumns; start += Turn()) {
    part.Turned(values, start, n, at);
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) {
      if (k >= kHeld) continue;
      const uint i = start + at.First(k);
      const float4 normed = part.held[k] * factor;
      StoreQuad(results, i, n, kHasGain != 0 ? normed * LoadQuad(gains, i, n) : normed);
    }
  }
  if (is_there && at.lane == 0) rstd[row] = factor;
}

// dx = rstd·(h − z·mean(h·z)) with h = dy·gain and z = x·rstd. With a gain, each threadgroup takes
// a share of the rows and sums dy·z for every column into its slab. dx may be x or dy.
kernel void rms_norm_backward(device const Control& control [[buffer(0)]],
                              constant RmsNormArguments& arguments [[buffer(1)]], device float* dx [[buffer(2)]],
                              device float* slabs [[buffer(3)]], device const float* x [[buffer(4)]],
                              device const float* rstd [[buffer(5)]], device const float* dy [[buffer(6)]],
                              device const float* gain [[buffer(7)]], uint group [[threadgroup_position_in_grid]],
                              uint groups [[threadgroups_per_grid]], uint lane [[thread_index_in_simdgroup]],
                              uint simdgroup [[simdgroup_index_in_threadgroup]],
                              uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float room[kMostRowSimdgroups];
  threadgroup float4 columns[ColumnSums::kMostShared];
  if (Stopped(control)) return;
  const RowThread at(Threads{lane, simdgroup, simdgroups});
  const bool has_gain = kHasGain != 0;
  const FloatsIn weights = FloatsIn(gain, false);
  ColumnSums gains(slabs + group * kColumns);
  for (uint first = group * at.rows; first < arguments.rows; first += groups * at.rows) {
    const uint row = first + at.row;
    const bool is_there = row < arguments.rows, is_first = first == group * at.rows;
    if (IsAlone() && !is_there) continue;
    const uint n = ColumnsOf(is_there), from = row * kColumns;
    const FloatsIn values = FloatsIn(x, 2u).From(from), gradients = FloatsIn(dy, 4u).From(from);
    const FloatsOut results = FloatsOut(dx, 0u).From(from);
    const float factor = is_there ? rstd[row] : 0;

    RowPart z, h;
    z.Load(values, 0, n, at);
    h.Load(gradients, 0, n, at);
    float4 products = float4(0);
    for (uint start = 0; start < kColumns; start += Turn()) {
      z.Turned(values, start, n, at);
      h.Turned(gradients, start, n, at);
      if (has_gain) gains.Begin(start, is_first, at);
#pragma unroll
      for (uint k = 0; k < kMostHeld; ++k) {
        if (k >= kHeld) continue;
        const float4 product = h.held[k] * (z.held[k] * factor);
        products += has_gain ? product * LoadQuad(weights, start + at.First(k), n) : product;
        gains.held[k] += product;
      }
      if (has_gain) gains.End(start, at);
    }
    const float mean = RowSum(SumOf(products), room, at) / float(kColumns);

    for (uint start = 0; start < kColumns; start += Turn()) {
      z.Turned(values, start, n, at);
      h.Turned(gradients, start, n, at);
#pragma unroll
      for (uint k = 0; k < kMostHeld; ++k) {
        if (k >= kHeld) continue;
        const uint i = start + at.First(k);
        const float4 weighted = has_gain ? h.held[k] * LoadQuad(weights, i, n) : h.held[k];
        StoreQuad(results, i, n, factor * (weighted - z.held[k] * factor * mean));
      }
    }
  }
  if (has_gain) gains.Finish(columns, at);
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/rms_norm.h"

namespace nano::metal {
namespace {

bool HasGain(size_t inputs) { return inputs == 4; }

}  // namespace

Outcome RunRmsNorm(const Call& call, Message& message) {
  const int64_t rows = OutputShape(call, 1).elements(), n = OutputShape(call, 0).elements() / rows;
  const bool has_gain = call.input_count > 1;
  const gpu::Tensor &x = call.inputs[0], &gain = has_gain ? call.inputs[1] : x;  // must be bound
  const RowPlan plan = PlanOf(n, 8);
  const RmsNormArguments arguments = {static_cast<uint32_t>(rows), call.params->as<RmsNormParams>().epsilon};
  return LaunchRows(call, message, plan.GridOf(rows), plan, {"rms_norm", "rms_norm"}, arguments,
                    {call.outputs[0], call.outputs[1], x, gain}, has_gain);
}

size_t ScratchRmsNormBackward(const OpView& op, const Params&) {
  if (!HasGain(op.inputs.size())) return 0;
  const int64_t rows = op.inputs[1].elements(), n = op.inputs[3].elements();
  return static_cast<size_t>(Slabs(rows, n) * n) * sizeof(float);
}

Outcome RunRmsNormBackward(const Call& call, Message& message) {
  const int64_t rows = InputShape(call, 1).elements(), n = OutputShape(call, 0).elements() / rows;
  const bool has_gain = HasGain(call.input_count);
  const RowPlan plan = SlabPlanOf(n);
  const int64_t slabs = Slabs(rows, n), groups = has_gain ? slabs : plan.groups(rows);
  const gpu::Tensor &x = call.inputs[0], &gain = has_gain ? call.inputs[3] : x;  // must be bound
  const void* sums = has_gain ? call.scratch : x.data;
  const RmsNormArguments arguments = {static_cast<uint32_t>(rows), 0};
  const Outcome outcome =
      LaunchRows(call, message, {groups, plan.group()}, plan, {"rms_norm", "rms_norm_backward"}, arguments,
                 {call.outputs[0], sums, x, call.inputs[1], call.inputs[2], gain}, has_gain);
  if (outcome != Outcome::kOk || !has_gain) return outcome;
  return SumSlabs(call, message, static_cast<const float*>(call.scratch), slabs, n, call.outputs[1].data, nullptr);
}

}  // namespace nano::metal
#endif
