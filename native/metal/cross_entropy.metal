// cross_entropy and its gradient.
#include "metal/double_float.h"
#include "metal/rows.h"

struct CrossEntropyArguments {
  uint32_t rows;
};
struct MeanArguments {
  uint32_t partials, rows;
};

#if defined(__METAL_VERSION__)

constant constexpr uint kTogether = 4;  // quads loaded at a time

// Σ exp(x − top) of some logits, and `top`, the largest of them. `top` ignores a NaN, but `sum`
// becomes a NaN.
struct Mass {
  float top, sum;
};

// For the thread's part of a row, in one pass: when the maximum grows, the sum so far is rescaled.
inline Mass MassOf(FloatsIn row, uint n, RowThread at) {
  Mass mass = {-FLT_MAX, 0};
  for (uint k = 0; at.First(k) < n; k += kTogether) {
    float4 x[kTogether], most = float4(mass.top);
#pragma unroll
    for (uint j = 0; j < kTogether; ++j) {
      x[j] = LoadQuad(row, at.First(k + j), n, -FLT_MAX);
      most = fmax(most, x[j]);
    }
    const float top = fmax(fmax(most.x, most.y), fmax(most.z, most.w));
    float4 sum = float4(mass.sum * exp(mass.top - top), 0, 0, 0);
#pragma unroll
    for (uint j = 0; j < kTogether; ++j) {
      const uint i = at.First(k + j);
      if (i < n) sum += Within(exp(x[j] - top), i, n);
    }
    mass.top = top;
    mass.sum = SumOf(sum);
  }
  return mass;
}

// A threadgroup stores the summed loss of its rows in `partial`.
kernel void cross_entropy(device const Control& control [[buffer(0)]],
                          constant CrossEntropyArguments& arguments [[buffer(1)]], device float* lse [[buffer(2)]],
                          device float2* partial [[buffer(3)]], device const float* logits [[buffer(4)]],
                          device const int* targets [[buffer(5)]], uint group [[threadgroup_position_in_grid]],
                          uint groups [[threadgroups_per_grid]], uint lane [[thread_index_in_simdgroup]],
                          uint simdgroup [[simdgroup_index_in_threadgroup]],
                          uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float room[kMostRowSimdgroups];
  threadgroup float2 losses[kMostRowSimdgroups];
  if (Stopped(control)) return;
  const RowThread at(Threads{lane, simdgroup, simdgroups});
  DoubleFloat loss = Pair(0);
  for (uint first = group * at.rows; first < arguments.rows; first += groups * at.rows) {
    const uint row = first + at.row;
    const bool is_there = row < arguments.rows;
    if (IsAlone() && !is_there) continue;
    const FloatsIn values = FloatsIn(logits + row * kColumns, false);
    const Mass mass = MassOf(values, ColumnsOf(is_there), at);
    const float top = RowMax(mass.top, room, at), sum = RowSum(mass.sum * exp(mass.top - top), room, at);
    if (!is_there || at.lane != 0) continue;
    const DoubleFloat of_row = AddAny(Log(Pair(sum)), Pair(top));
    lse[row] = ToFloat(of_row);
    loss = AddAny(loss, AddAny(of_row, Pair(-values.Get(uint(targets[row])))));
  }
  loss = GroupSum(loss, losses, at.threads);
  if (at.threads.Index() == 0) partial[group] = float2(loss.high, loss.low);
}

kernel void mean_loss(device const Control& control [[buffer(0)]], constant MeanArguments& arguments [[buffer(1)]],
                      device float* loss [[buffer(2)]], device const float2* partial [[buffer(3)]],
                      uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]],
                      uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float2 room[kMostRowSimdgroups];
  if (Stopped(control)) return;
  const Threads at = {lane, simdgroup, simdgroups};
  DoubleFloat sum = Pair(0);
  for (uint i = at.Index(); i < arguments.partials; i += at.simdgroups * kSimd) {
    sum = AddAny(sum, Pair(partial[i].x, partial[i].y));
  }
  sum = GroupSum(sum, room, at);
  if (at.Index() != 0) return;
  *loss = IsFinite(sum.high) ? ToFloat(Divide(sum, PairOf(arguments.rows))) : sum.high;
}

// Elementwise. At the target, 1 is subtracted before the scaling: for a probability near 1 that
// difference is exact.
kernel void cross_entropy_backward(device const Control& control [[buffer(0)]],
                                   constant CrossEntropyArguments& arguments [[buffer(1)]],
                                   device float* dlogits [[buffer(2)]], device const float* logits [[buffer(3)]],
                                   device const int* targets [[buffer(4)]], device const float* lse [[buffer(5)]],
                                   device const float* dloss [[buffer(6)]], uint group [[threadgroup_position_in_grid]],
                                   uint lane [[thread_index_in_simdgroup]],
                                   uint simdgroup [[simdgroup_index_in_threadgroup]],
                                   uint simdgroups [[simdgroups_per_threadgroup]]) {
  if (Stopped(control)) return;
  const RowThread at(Threads{lane, simdgroup, simdgroups});
  const uint row = group * at.rows + at.row;
  if (row >= arguments.rows) return;
  const FloatsIn values = FloatsIn(logits + row * kColumns, false);
  const FloatsOut results = FloatsOut(dlogits, 0u).From(row * kColumns);
  const float factor = *dloss / float(arguments.rows), shift = lse[row];
  const uint target = uint(targets[row]);
#pragma unroll(4)
  for (uint k = 0; at.First(k) < kColumns; ++k) {
    const uint i = at.First(k);
    float4 gradient = exp(LoadQuad(values, i, kColumns) - shift);
    gradient = select(gradient, gradient - 1, uint4(i, i + 1, i + 2, i + 3) == uint4(target));
    StoreQuad(results, i, kColumns, gradient * factor);
  }
}

#else  // the host's part
#include "metal/kernels.h"

namespace nano::metal {
namespace {

// No quads are kept in registers.
RowPlan LossPlanOf(int64_t columns) { return {columns <= 64 ? 8 : columns <= 2048 ? 32 : 256, 0, columns}; }

// Enough threadgroups to keep a large GPU busy. If there are more rows, each takes several.
int64_t LossGroups(int64_t rows, int64_t columns) {
  constexpr int64_t kMost = 2048;
  const int64_t groups = LossPlanOf(columns).groups(rows);
  return groups < kMost ? groups : kMost;
}

}  // namespace

size_t ScratchCrossEntropy(const OpView& op, const Params&) {
  const int64_t rows = op.inputs[1].elements();
  return static_cast<size_t>(LossGroups(rows, op.inputs[0].elements() / rows)) * 2 * sizeof(float);
}

Outcome RunCrossEntropy(const Call& call, Message& message) {
  const int64_t rows = InputShape(call, 1).elements(), n = InputShape(call, 0).elements() / rows;
  const int64_t groups = LossGroups(rows, n);
  const RowPlan plan = LossPlanOf(n);
  Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, InputError::kTarget, 0, n - 1);
  if (outcome != Outcome::kOk) return outcome;
  const CrossEntropyArguments arguments = {static_cast<uint32_t>(rows)};
  outcome = LaunchRows(call, message, {groups, plan.group()}, plan, {"cross_entropy", "cross_entropy"}, arguments,
                       {call.outputs[1], call.scratch, call.inputs[0], call.inputs[1]});
  if (outcome != Outcome::kOk) return outcome;
  const MeanArguments of_mean = {static_cast<uint32_t>(groups), static_cast<uint32_t>(rows)};
  return LaunchRows(call, message, {1, 256}, plan, {"cross_entropy", "mean_loss"}, of_mean,
                    {call.outputs[0], call.scratch});
}

Outcome RunCrossEntropyBackward(const Call& call, Message& message) {
  const int64_t rows = InputShape(call, 1).elements(), n = InputShape(call, 0).elements() / rows;
  const RowPlan plan = LossPlanOf(n);
  const Outcome outcome = CheckRange(call, message, kCrossEntropyTargets, InputError::kTarget, 0, n - 1);
  if (outcome != Outcome::kOk) return outcome;
  const CrossEntropyArguments arguments = {static_cast<uint32_t>(rows)};
  return LaunchRows(call, message, plan.GridOf(rows), plan, {"cross_entropy", "cross_entropy_backward"}, arguments,
                    {call.outputs[0], call.inputs[0], call.inputs[1], call.inputs[2], call.inputs[3]});
}

}  // namespace nano::metal
#endif
