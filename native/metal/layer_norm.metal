// layer_norm and its gradient.
#include "metal/rows.h"

struct LayerNormArguments {
  uint32_t rows;
  float epsilon;
};

#if defined(__METAL_VERSION__)

// A row stays in registers while its mean and then its variance are summed.
kernel void layer_norm(device const Control& control [[buffer(0)]],
                       constant LayerNormArguments& arguments [[buffer(1)]], device float* y [[buffer(2)]],
                       device float* mean [[buffer(3)]], device float* rstd [[buffer(4)]],
                       device const float* x [[buffer(5)]], device const float* gain [[buffer(6)]],
                       device const float* bias [[buffer(7)]], uint group [[threadgroup_position_in_grid]],
                       uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
                       uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float room[kMostRowSimdgroups];
  if (Stopped(control)) return;
  const RowThread at(Threads{lane, simdgroup, simdgroups});
  const uint row = group * at.rows + at.row;
  const bool is_there = row < arguments.rows;
  if (IsAlone() && !is_there) return;
  const uint n = ColumnsOf(is_there), from = row * kColumns;
  const FloatsIn values = FloatsIn(x, 3u).From(from), gains = FloatsIn(gain, false), biases = FloatsIn(bias, false);
  const FloatsOut results = FloatsOut(y, 0u).From(from);

  RowPart part;
  part.Load(values, 0, n, at);
  float4 sum = float4(0);
  for (uint start = 0; start < kColumns; start += Turn()) {
    part.Turned(values, start, n, at);
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) {
      if (k < kHeld) sum += part.held[k];
    }
  }
  const float center = RowSum(SumOf(sum), room, at) / float(kColumns);

  float4 squares = float4(0);
  for (uint start = 0; start < kColumns; start += Turn()) {
    part.Turned(values, start, n, at);
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) {
      if (k >= kHeld) continue;
      const float4 d = Within(part.held[k] - center, start + at.First(k), n);
      squares += d * d;
    }
  }
  const float factor = rsqrt(RowSum(SumOf(squares), room, at) / float(kColumns) + arguments.epsilon);

  for (uint start = 0; start < kColumns; start += Turn()) {
    part.Turned(values, start, n, at);
#pragma unroll
    for (uint k = 0; k < kMostHeld; ++k) {
      if (k >= kHeld) continue;
      const uint i = start + at.First(k);
      StoreQuad(results, i, n, (part.held[k] - center) * factor * LoadQuad(gains, i, n) + LoadQuad(biases, i, n));
    }
  }
  if (is_there && at.lane == 0) {
    mean[row] = center;
    rstd[row] = factor;
  }
}

// dx = rstd·(g − mean(g) − z·mean(g·z)) with g = dy·gain and z = (x − mean)·rstd. Each threadgroup
// takes a share of the rows and sums dy·z and dy for every column into its slabs.
kernel void layer_norm_backward(device const Control& control [[buffer(0)]],
                                constant LayerNormArguments& arguments [[buffer(1)]], device float* dx [[buffer(2)]],
                                device float* slabs [[buffer(3)]], device const float* x [[buffer(4)]],
                                device const float* gain [[buffer(5)]], device const float* mean [[buffer(6)]],
                                device const float* rstd [[buffer(7)]], device const float* dy [[buffer(8)]],
                                uint group [[threadgroup_position_in_grid]], uint groups [[threadgroups_per_grid]],
                                uint lane [[thread_index_in_simdgroup]],
                                uint simdgroup [[simdgroup_index_in_threadgroup]],
                                uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float2 room[kMostRowSimdgroups];
  threadgroup float4 columns[ColumnSums::kMostShared];
  if (Stopped(control)) return;
  const RowThread at(Threads{lane, simdgroup, simdgroups});
  const FloatsIn weights = FloatsIn(gain, false);
  ColumnSums gains(slabs + group * 2 * kColumns), biases(slabs + (group * 2 + 1) * kColumns);
  for (uint first = group * at.rows; first < arguments.rows; first += groups * at.rows) {
    const uint row = first + at.row;
    const bool is_there = row < arguments.rows, is_first = first == group * at.rows;
    if (IsAlone() && !is_there) continue;
    const uint n = ColumnsOf(is_there), from = row * kColumns;
    const FloatsIn values = FloatsIn(x, 2u).From(from), gradients = FloatsIn(dy, 6u).From(from);
    const FloatsOut results = FloatsOut(dx, 0u).From(from);
    const float center = is_there ? mean[row] : 0, factor = is_there ? rstd[row] : 0;

    RowPart z, g;
    z.Load(values, 0, n, at);
    g.Load(gradients, 0, n, at);
    float4 sum = float4(0), products = float4(0);
    for (uint start = 0; start < kColumns; start += Turn()) {
      z.Turned(values, start, n, at);
      g.Turned(gradients, start, n, at);
      gains.Begin(start, is_first, at);
      biases.Begin(start, is_first, at);
#pragma unroll
      for (uint k = 0; k < kMostHeld; ++k) {
        if (k >= kHeld) continue;
        const float4 normed = (z.held[k] - center) * factor, gradient = g.held[k];
        const float4 weighted = gradient * LoadQuad(weights, start + at.First(k), n);
        sum += weighted;
        products += weighted * normed;
        gains.held[k] += gradient * normed;
        biases.held[k] += gradient;
      }
      gains.End(start, at);
      biases.End(start, at);
    }
    const float2 means = RowSum(float2(SumOf(sum), SumOf(products)), room, at) / float(kColumns);

    for (uint start = 0; start < kColumns; start += Turn()) {
      z.Turned(values, start, n, at);
      g.Turned(gradients, start, n, at);
#pragma unroll
      for (uint k = 0; k < kMostHeld; ++k) {
        if (k >= kHeld) continue;
        const uint i = start + at.First(k);
        const float4 normed = (z.held[k] - center) * factor, weighted = g.held[k] * LoadQuad(weights, i, n);
        StoreQuad(results, i, n, factor * (weighted - means.x - normed * means.y));
      }
    }
  }
  gains.Finish(columns, at);
  biases.Finish(columns, at);
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/layer_norm.h"

namespace nano::metal {

Outcome RunLayerNorm(const Call& call, Message& message) {
  const int64_t n = InputShape(call, 1).elements(), rows = OutputShape(call, 1).elements();
  const RowPlan plan = PlanOf(n, 8);
  const LayerNormArguments arguments = {static_cast<uint32_t>(rows), call.params->as<LayerNormParams>().epsilon};
  return LaunchRows(
      call, message, plan.GridOf(rows), plan, {"layer_norm", "layer_norm"}, arguments,
      {call.outputs[0], call.outputs[1], call.outputs[2], call.inputs[0], call.inputs[1], call.inputs[2]});
}

size_t ScratchLayerNormBackward(const OpView& op, const Params&) {
  const int64_t n = op.inputs[1].elements(), rows = op.inputs[2].elements();
  return static_cast<size_t>(Slabs(rows, n) * 2 * n) * sizeof(float);
}

Outcome RunLayerNormBackward(const Call& call, Message& message) {
  const int64_t n = InputShape(call, 1).elements(), rows = InputShape(call, 2).elements(), slabs = Slabs(rows, n);
  const RowPlan plan = SlabPlanOf(n);
  const LayerNormArguments arguments = {static_cast<uint32_t>(rows), 0};
  const Outcome outcome = LaunchRows(
      call, message, {slabs, plan.group()}, plan, {"layer_norm", "layer_norm_backward"}, arguments,
      {call.outputs[0], call.scratch, call.inputs[0], call.inputs[1], call.inputs[2], call.inputs[3], call.inputs[4]});
  if (outcome != Outcome::kOk) return outcome;
  return SumSlabs(call, message, static_cast<const float*>(call.scratch), slabs, n, call.outputs[1].data,
                  call.outputs[2].data);
}

}  // namespace nano::metal
#endif
