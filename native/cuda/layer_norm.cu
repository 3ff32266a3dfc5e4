// layer_norm and its gradient.
#include "cuda/kernels.h"
#include "cuda/rows.cuh"
#include "ops/layer_norm.h"

namespace nano::cuda {
namespace {

// A group of threads processes a row. It keeps the row in registers while it sums up the mean and
// then the variance.
template <class Plan>
__global__ void __launch_bounds__(Plan::kBlock, Plan::kLeastBlocks)
    NormalizeKernel(const Control* control, Floats x, const float* gain, const float* bias, int64_t rows, int64_t n,
                    float epsilon, Floats y, float* mean, float* rstd) {
  __shared__ float room[Plan::kWarps];
  if (Stopped(control)) return;
  const float count = static_cast<float>(n);
  Plan::ForRows(rows, [&](int64_t r, bool mine) {
    HeldRows<Plan, 1> row;
    row.rows[0] = x + r * n, row.n = mine ? n : 0, row.lead = 0;
    row.Load(0);
    float sum = 0;
    row.Each(0, [&](int, int64_t, const Four(&a)[1]) {
      for (int j = 0; j < 4; ++j) sum += a[0].v[j];
    });
    const float center = Plan::Reduce(sum, room, Add()) / count;
    float squares = 0;
    row.Each(center, [&](int, int64_t i, const Four(&a)[1]) {
      for (int j = 0; j < 4; ++j) {
        const float d = i + j < n ? a[0].v[j] - center : 0;
        squares += d * d;
      }
    });
    const float factor = 1.0f / sqrtf(Plan::Reduce(squares, room, Add()) / count + epsilon);
    row.Each(0, [&](int, int64_t i, const Four(&a)[1]) {
      const Four g = LoadFour(gain, i, n, 0), b = LoadFour(bias, i, n, 0);
      Four z;
      for (int j = 0; j < 4; ++j) z.v[j] = (a[0].v[j] - center) * factor * g.v[j] + b.v[j];
      StoreFour(y + r * n, i, n, z);
    });
    if (mine && Plan::Lane() == 0) {
      mean[r] = center;
      rstd[r] = factor;
    }
  });
}

// dx = rstd·(g − mean(g) − z·mean(g·z)) with g = dy·gain and z = (x − mean)·rstd. A block processes
// every slabs-th batch of kRows rows, and its threads keep the sums of dy·z and dy for their
// columns.
template <class Plan>
__global__ void __launch_bounds__(Plan::kBlock, Plan::kLeastBlocks)
    BackwardKernel(const Control* control, Floats x, const float* gain, const float* mean, const float* rstd, Floats dy,
                   int64_t rows, int64_t n, float* dx, float* slabs) {
  __shared__ float room[Plan::kWarps][2];
  __shared__ float columns[Plan::kRows > 1 ? Plan::kColumns : 1];
  if (Stopped(control)) return;
  const float count = static_cast<float>(n);
  ColumnSums<Plan> gains, biases;
  gains.slab = slabs + static_cast<int64_t>(blockIdx.x) * 2 * n;
  biases.slab = gains.slab + n;
  gains.Clear(n);
  biases.Clear(n);
  Plan::ForRows(rows, [&](int64_t r, bool mine) {
    const float center = mine ? mean[r] : 0, factor = mine ? rstd[r] : 0;
    HeldRows<Plan, 2> row;
    row.rows[0] = x + r * n, row.rows[1] = dy + r * n, row.n = mine ? n : 0, row.lead = 0;
    row.Load(0);
    float sum = 0, products = 0;
    row.Each(0, [&](int k, int64_t i, const Four(&a)[2]) {
      const Four weight = LoadFour(gain, i, n, 0);
      Four dyz;
      for (int j = 0; j < 4; ++j) {
        const float z = (a[0].v[j] - center) * factor, g = a[1].v[j] * weight.v[j];
        sum += g;
        products += g * z;
        dyz.v[j] = a[1].v[j] * z;
      }
      gains.Add(k, i, n, dyz);
      biases.Add(k, i, n, a[1]);
    });
    Plan::SumBoth(sum, products, room);
    const float mean_g = sum / count, mean_gz = products / count;
    row.Each(0, [&](int, int64_t i, const Four(&a)[2]) {
      const Four weight = LoadFour(gain, i, n, 0);
      Four d;
      for (int j = 0; j < 4; ++j) {
        const float z = (a[0].v[j] - center) * factor;
        d.v[j] = factor * (a[1].v[j] * weight.v[j] - mean_g - z * mean_gz);
      }
      StoreFour(dx + r * n, i, n, d);
    });
  });
  gains.Finish(n, columns);
  biases.Finish(n, columns);
}

}  // namespace

Outcome RunLayerNorm(const Call& call, Message& message) {
  const int64_t n = InputShape(call, 1).elements(), rows = OutputShape(call, 1).elements();
  return WithPlan(n, [&](auto plan) {
    using Plan = decltype(plan);
    return Launch(call, message, Plan::GridOf(rows), NormalizeKernel<Plan>, call.control, FloatInput(call, 0),
                  Input<float>(call, 1), Input<float>(call, 2), rows, n, call.params->as<LayerNormParams>().epsilon,
                  FloatOutput(call, 0), Output<float>(call, 1), Output<float>(call, 2));
  });
}

size_t ScratchLayerNormBackward(const OpView& op, const Params&) {
  const int64_t n = op.inputs[1].elements(), rows = op.inputs[2].elements();
  return static_cast<size_t>(Slabs(rows, n) * 2 * n) * sizeof(float);
}

Outcome RunLayerNormBackward(const Call& call, Message& message) {
  const int64_t n = InputShape(call, 1).elements(), rows = InputShape(call, 2).elements(), slabs = Slabs(rows, n);
  float* sums = static_cast<float*>(call.scratch);
  const Outcome outcome = WithSlabPlan(n, [&](auto plan) {
    using Plan = decltype(plan);
    return Launch(call, message, {slabs, Plan::kBlock}, BackwardKernel<Plan>, call.control, FloatInput(call, 0),
                  Input<float>(call, 1), Input<float>(call, 2), Input<float>(call, 3), FloatInput(call, 4), rows, n,
                  Output<float>(call, 0), sums);
  });
  if (outcome != Outcome::kOk) return outcome;
  return SumSlabs(call, message, sums, slabs, n, Output<float>(call, 1), Output<float>(call, 2));
}

}  // namespace nano::cuda
