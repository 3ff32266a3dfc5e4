// rms_norm and its gradient. In this file, a row is one group of channels that are normalized
// together.
#include "cuda/kernels.h"
#include "cuda/rows.cuh"
#include "ops/rms_norm.h"

namespace nano::cuda {
namespace {

// A row stays in registers while its squares are summed. A null gain means 1. y may be x, because
// no thread reads an element that another one writes.
template <class Plan>
__global__ void __launch_bounds__(Plan::kBlock, Plan::kLeastBlocks)
    NormalizeKernel(const Control* control, Floats x, const float* gain, int64_t rows, int64_t n, float epsilon,
                    Floats y, float* rstd) {
  __shared__ float room[Plan::kWarps];
  if (Stopped(control)) return;
  Plan::ForRows(rows, [&](int64_t r, bool mine) {
    HeldRows<Plan, 1> row;
    row.rows[0] = x + r * n, row.n = mine ? n : 0, row.lead = 0;
    row.Load(0);
    float squares = 0;
    row.Each(0, [&](int, int64_t, const Four(&a)[1]) {
      for (int j = 0; j < 4; ++j) squares += a[0].v[j] * a[0].v[j];
    });
    const float factor = 1.0f / sqrtf(Plan::Reduce(squares, room, Add()) / static_cast<float>(n) + epsilon);
    row.Each(0, [&](int, int64_t i, const Four(&a)[1]) {
      const Four g = gain == nullptr ? Four{{1, 1, 1, 1}} : LoadFour(gain, i, n, 0);
      Four z;
      for (int j = 0; j < 4; ++j) z.v[j] = a[0].v[j] * factor * g.v[j];
      StoreFour(y + r * n, i, n, z);
    });
    if (mine && Plan::Lane() == 0) rstd[r] = factor;
  });
}

// dx = rstd·(h − z·mean(h·z)) with h = dy·gain and z = x·rstd. With a gain, a block processes every
// slabs-th batch of kRows rows, and its threads keep the sums of dy·z for their columns. dx may be
// x or dy.
template <class Plan, bool kGain>
__global__ void __launch_bounds__(Plan::kBlock, Plan::kLeastBlocks)
    BackwardKernel(const Control* control, Floats x, const float* rstd, Floats dy, const float* gain, int64_t rows,
                   int64_t n, float* dx, float* slabs) {
  __shared__ float room[Plan::kWarps];
  __shared__ float columns[kGain && Plan::kRows > 1 ? Plan::kColumns : 1];
  if (Stopped(control)) return;
  ColumnSums<Plan> gains;
  if constexpr (kGain) {
    gains.slab = slabs + static_cast<int64_t>(blockIdx.x) * n;
    gains.Clear(n);
  }
  Plan::ForRows(rows, [&](int64_t r, bool mine) {
    const float factor = mine ? rstd[r] : 0;
    HeldRows<Plan, 2> row;
    row.rows[0] = x + r * n, row.rows[1] = dy + r * n, row.n = mine ? n : 0, row.lead = 0;
    row.Load(0);
    float products = 0;
    row.Each(0, [&](int k, int64_t i, const Four(&a)[2]) {
      const Four weight = kGain ? LoadFour(gain, i, n, 0) : Four{{1, 1, 1, 1}};
      Four dyz;
      for (int j = 0; j < 4; ++j) {
        dyz.v[j] = a[1].v[j] * (a[0].v[j] * factor);
        products += dyz.v[j] * weight.v[j];
      }
      if constexpr (kGain) gains.Add(k, i, n, dyz);
    });
    const float mean = Plan::Reduce(products, room, Add()) / static_cast<float>(n);
    row.Each(0, [&](int, int64_t i, const Four(&a)[2]) {
      const Four weight = kGain ? LoadFour(gain, i, n, 0) : Four{{1, 1, 1, 1}};
      Four d;
      for (int j = 0; j < 4; ++j) d.v[j] = factor * (a[1].v[j] * weight.v[j] - a[0].v[j] * factor * mean);
      StoreFour(dx + r * n, i, n, d);
    });
  });
  if constexpr (kGain) gains.Finish(n, columns);
}

bool HasGain(size_t inputs) { return inputs == 4; }

}  // namespace

Outcome RunRmsNorm(const Call& call, Message& message) {
  const int64_t rows = OutputShape(call, 1).elements(), n = OutputShape(call, 0).elements() / rows;
  const float* gain = call.input_count > 1 ? Input<float>(call, 1) : nullptr;
  return WithPlan(n, [&](auto plan) {
    using Plan = decltype(plan);
    return Launch(call, message, Plan::GridOf(rows), NormalizeKernel<Plan>, call.control, FloatInput(call, 0), gain,
                  rows, n, call.params->as<RmsNormParams>().epsilon, FloatOutput(call, 0), Output<float>(call, 1));
  });
}

size_t ScratchRmsNormBackward(const OpView& op, const Params&) {
  if (!HasGain(op.inputs.size())) return 0;
  const int64_t rows = op.inputs[1].elements(), n = op.inputs[3].elements();
  return static_cast<size_t>(Slabs(rows, n) * n) * sizeof(float);
}

Outcome RunRmsNormBackward(const Call& call, Message& message) {
  const int64_t rows = InputShape(call, 1).elements(), n = OutputShape(call, 0).elements() / rows;
  const Floats x = FloatInput(call, 0), dy = FloatInput(call, 2);
  const float* rstd = Input<float>(call, 1);
  const float* const none = nullptr;
  float *dx = Output<float>(call, 0), *sums = static_cast<float*>(call.scratch);
  if (!HasGain(call.input_count)) {
    return WithPlan(n, [&](auto plan) {
      using Plan = decltype(plan);
      return Launch(call, message, Plan::GridOf(rows), BackwardKernel<Plan, false>, call.control, x, rstd, dy, none,
                    rows, n, dx, sums);
    });
  }
  const int64_t slabs = Slabs(rows, n);
  const Outcome outcome = WithSlabPlan(n, [&](auto plan) {
    using Plan = decltype(plan);
    return Launch(call, message, {slabs, Plan::kBlock}, BackwardKernel<Plan, true>, call.control, x, rstd, dy,
                  Input<float>(call, 3), rows, n, dx, sums);
  });
  if (outcome != Outcome::kOk) return outcome;
  return SumSlabs(call, message, sums, slabs, n, Output<float>(call, 1), nullptr);
}

}  // namespace nano::cuda
