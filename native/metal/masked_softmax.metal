// masked_softmax and its gradient, row by row, over the visible columns. The masked columns are not
// read.
#include "metal/kernel.h"

// The shape is [total, columns], made of matrices of `rows` rows. In row r of `total`, the first
// r % rows + 1 + columns − rows columns are visible.
struct MaskedSoftmaxArguments {
  uint32_t total, rows, columns;
  float scale;
};

#if defined(__METAL_VERSION__)

// A row has kRowThreads threads: some lanes of a simdgroup, or all of a threadgroup of several
// simdgroups. Each keeps kHeld quads in registers, kRowThreads quads apart. The rest of a longer
// row is read again.
constant uint kRowThreads [[function_constant(1)]];
constant constexpr uint kHeld = 4, kGroupThreads = 256;
// The lowest finite float, for elements past the end. It is finite, because −∞ − (−∞) would be a
// NaN.
constant constexpr float kLowest = -3.40282347e38f;

struct Row {
  uint number, visible, lane;
  bool mine;  // false past the last row, where nothing is visible

  Row(constant MaskedSoftmaxArguments& a, uint group, uint thread_index)
      : number(group * (kGroupThreads / kRowThreads) + thread_index / kRowThreads), lane(thread_index % kRowThreads) {
    mine = number < a.total;
    visible = mine ? number % a.rows + 1 + a.columns - a.rows : 0;
  }
  uint At(uint k) const { return kQuad * (k * kRowThreads + lane); }
};

inline float RowSum(float value, threadgroup float* room, Threads at) {
  if (kRowThreads > kSimd) return GroupSum(value, room, at);
  for (ushort offset = ushort(kRowThreads / 2); offset > 0; offset /= 2) value += simd_shuffle_xor(value, offset);
  return value;
}
inline float RowMax(float value, threadgroup float* room, Threads at) {
  if (kRowThreads > kSimd) return GroupMax(value, room, at);
  for (ushort offset = ushort(kRowThreads / 2); offset > 0; offset /= 2) {
    value = fmax(value, simd_shuffle_xor(value, offset));
  }
  return value;
}

// Sets the masked columns to 0.
inline void ClearHidden(FloatsOut to, Row row, uint columns) {
  if (!row.mine) return;
  for (uint i = row.visible + row.lane; i < columns; i += kRowThreads) to.Set(i, 0);
}

inline float Largest(float4 v) { return fmax(fmax(v.x, v.y), fmax(v.z, v.w)); }

struct Softmax {
  float top, scale;

  float4 Weights(float4 quad) const { return exp((quad - top) * scale); }
  // The sum of the weights of elements i to i + 3 that are among the n of a row.
  float Sum(float4 weights, uint i, uint n) const {
    float sum = 0;
    for (uint j = 0; j < kQuad; ++j) sum += i + j < n ? weights[j] : 0.0f;
    return sum;
  }
};

// A row stays in registers while its maximum and then its sum are computed. The maximum is
// subtracted before x is scaled, so that the difference is accurate however large both are. The
// maximum may miss a NaN, but the sum becomes a NaN.
kernel void masked_softmax(device const Control& control [[buffer(0)]],
                           constant MaskedSoftmaxArguments& a [[buffer(1)]], device float* y [[buffer(2)]],
                           device const float* x [[buffer(3)]], uint group [[threadgroup_position_in_grid]],
                           uint thread_index [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]],
                           uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float room[kGroupThreads / kSimd];
  if (Stopped(control)) return;
  const Threads at = {lane, simdgroup, simdgroups};
  const Row row(a, group, thread_index);
  const FloatsIn from = FloatsIn(x, 1u).From(row.mine ? row.number * a.columns : 0);
  const FloatsOut to = FloatsOut(y, 0u).From(row.mine ? row.number * a.columns : 0);
  float4 held[kHeld];
  float top = kLowest;
#pragma unroll
  for (uint k = 0; k < kHeld; ++k) {
    held[k] = LoadQuad(from, row.At(k), row.visible, kLowest);
    top = fmax(top, Largest(held[k]));
  }
  for (uint k = kHeld; row.At(k) < row.visible; ++k) {
    top = fmax(top, Largest(LoadQuad(from, row.At(k), row.visible, kLowest)));
  }
  const Softmax softmax = {RowMax(top, room, at), a.scale};
  float sum = 0;
#pragma unroll
  for (uint k = 0; k < kHeld; ++k) {
    held[k] = softmax.Weights(held[k]);
    sum += softmax.Sum(held[k], row.At(k), row.visible);
  }
  for (uint k = kHeld; row.At(k) < row.visible; ++k) {
    sum += softmax.Sum(softmax.Weights(LoadQuad(from, row.At(k), row.visible, kLowest)), row.At(k), row.visible);
  }
  const float share = 1.0f / RowSum(sum, room, at);
#pragma unroll
  for (uint k = 0; k < kHeld; ++k) StoreQuad(to, row.At(k), row.visible, held[k] * share);
  for (uint k = kHeld; row.At(k) < row.visible; ++k) {
    StoreQuad(to, row.At(k), row.visible, softmax.Weights(LoadQuad(from, row.At(k), row.visible, kLowest)) * share);
  }
  ClearHidden(to, row, a.columns);
}

// dx = scale·y·(dy − Σ y·dy), with the row in registers.
kernel void masked_softmax_backward(device const Control& control [[buffer(0)]],
                                    constant MaskedSoftmaxArguments& a [[buffer(1)]], device float* dx [[buffer(2)]],
                                    device const float* y [[buffer(3)]], device const float* dy [[buffer(4)]],
                                    uint group [[threadgroup_position_in_grid]],
                                    uint thread_index [[thread_index_in_threadgroup]],
                                    uint lane [[thread_index_in_simdgroup]],
                                    uint simdgroup [[simdgroup_index_in_threadgroup]],
                                    uint simdgroups [[simdgroups_per_threadgroup]]) {
  threadgroup float room[kGroupThreads / kSimd];
  if (Stopped(control)) return;
  const Threads at = {lane, simdgroup, simdgroups};
  const Row row(a, group, thread_index);
  const uint first = row.mine ? row.number * a.columns : 0;
  const FloatsIn ys = FloatsIn(y, 1u).From(first), dys = FloatsIn(dy, 2u).From(first);
  const FloatsOut to = FloatsOut(dx, 0u).From(first);
  float4 held_y[kHeld], held_dy[kHeld];
  float sum = 0;
#pragma unroll
  for (uint k = 0; k < kHeld; ++k) {
    held_y[k] = LoadQuad(ys, row.At(k), row.visible), held_dy[k] = LoadQuad(dys, row.At(k), row.visible);
    sum += dot(held_y[k], held_dy[k]);
  }
  for (uint k = kHeld; row.At(k) < row.visible; ++k) {
    sum += dot(LoadQuad(ys, row.At(k), row.visible), LoadQuad(dys, row.At(k), row.visible));
  }
  sum = RowSum(sum, room, at);
#pragma unroll
  for (uint k = 0; k < kHeld; ++k) {
    StoreQuad(to, row.At(k), row.visible, a.scale * held_y[k] * (held_dy[k] - sum));
  }
  for (uint k = kHeld; row.At(k) < row.visible; ++k) {
    const float4 value = LoadQuad(ys, row.At(k), row.visible), gradient = LoadQuad(dys, row.At(k), row.visible);
    StoreQuad(to, row.At(k), row.visible, a.scale * value * (gradient - sum));
  }
  ClearHidden(to, row, a.columns);
}

#else  // the host's part
#include "metal/kernels.h"
#include "ops/masked_softmax.h"

namespace nano::metal {
namespace {

constexpr int kGroupThreads = 256;

Outcome Run(const Call& call, Message& message, const char* name, Operands operands) {
  const Shape& shape = OutputShape(call, 0);
  const int64_t total = shape.elements() / shape.last();
  const MaskedSoftmaxArguments arguments = {static_cast<uint32_t>(total), static_cast<uint32_t>(shape[shape.rank - 2]),
                                            static_cast<uint32_t>(shape.last()),
                                            call.params->as<MaskedSoftmaxParams>().scale};
  const uint32_t row_threads = shape.last() <= 64 ? 8 : shape.last() <= 1024 ? 32 : kGroupThreads;
  return Launch(call, message, {DivideUp(total, kGroupThreads / row_threads), kGroupThreads}, {"masked_softmax", name},
                {row_threads}, arguments, operands);
}

}  // namespace

Outcome RunMaskedSoftmax(const Call& call, Message& message) {
  return Run(call, message, "masked_softmax", {call.outputs[0], call.inputs[0]});
}

Outcome RunMaskedSoftmaxBackward(const Call& call, Message& message) {
  return Run(call, message, "masked_softmax_backward", {call.outputs[0], call.inputs[0], call.inputs[1]});
}

}  // namespace nano::metal
#endif
