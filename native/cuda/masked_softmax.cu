// masked_softmax and its gradient, row by row, over the visible columns. The masked columns are not
// read.
#include "cuda/kernels.h"
#include "cuda/rows.cuh"
#include "ops/masked_softmax.h"

namespace nano::cuda {
namespace {

// A tensor […, rows, columns]. In row r, counted over all matrices, the first
// r % rows + 1 + columns − rows columns are visible.
struct Causal {
  int64_t total, rows, columns;

  explicit Causal(const Shape& shape)
      : total(shape.elements() / shape.last()), rows(shape[shape.rank - 2]), columns(shape.last()) {}
  __device__ __forceinline__ int64_t Visible(int64_t r) const { return r % rows + 1 + columns - rows; }
  // The number of elements from the last aligned address to the start of row r.
  __device__ __forceinline__ int64_t Lead(int64_t r) const { return (r * columns) & 3; }
};

// Sets the masked columns of a row to 0.
template <class Plan>
__device__ __forceinline__ void ClearHidden(float* row, int64_t visible, int64_t columns) {
  for (int64_t i = visible + Plan::Lane(); i < columns; i += Plan::kThreads) row[i] = 0;
}

struct Largest {
  __device__ __forceinline__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

// The row stays in registers while its maximum and its sum are computed. The maximum is subtracted
// before x is scaled, so that the difference keeps its digits however large both are. The maximum
// ignores NaN, but the sum keeps it.
template <class Plan>
__global__ void __launch_bounds__(Plan::kBlock)
    SoftmaxKernel(const Control* control, const float* x, Causal causal, float scale, float* y) {
  __shared__ float room[Plan::kWarps];
  if (Stopped(control)) return;
  Plan::ForRows(causal.total, [&](int64_t r, bool mine) {
    const float nothing = -INFINITY;
    float* to = y + r * causal.columns;
    HeldRows<Plan, 1> row;
    row.rows[0] = x + r * causal.columns, row.n = mine ? causal.Visible(r) : 0, row.lead = causal.Lead(r);
    row.Load(nothing);
    float top = nothing;
    row.Each(nothing, [&](int, int64_t, const Four(&a)[1]) {
      for (int j = 0; j < 4; ++j) top = fmaxf(top, a[0].v[j]);
    });
    top = Plan::Reduce(top, room, Largest());
    float sum = 0;
    row.Each(nothing, [&](int, int64_t i, const Four(&a)[1]) {
      for (int j = 0; j < 4; ++j) sum += i + j >= 0 && i + j < row.n ? expf((a[0].v[j] - top) * scale) : 0;
    });
    const float share = 1.0f / Plan::Reduce(sum, room, Add());
    row.Each(nothing, [&](int, int64_t i, const Four(&a)[1]) {
      Four p;
      for (int j = 0; j < 4; ++j) p.v[j] = expf((a[0].v[j] - top) * scale) * share;
      StoreFour(to, i, row.n, p);
    });
    if (mine) ClearHidden<Plan>(to, row.n, causal.columns);
  });
}

// dx = scale·y·(dy − Σ y·dy), with the row in registers.
template <class Plan>
__global__ void __launch_bounds__(Plan::kBlock)
    BackwardKernel(const Control* control, const float* y, const float* dy, Causal causal, float scale, float* dx) {
  __shared__ float room[Plan::kWarps];
  if (Stopped(control)) return;
  Plan::ForRows(causal.total, [&](int64_t r, bool mine) {
    const int64_t at = r * causal.columns;
    HeldRows<Plan, 2> row;
    row.rows[0] = y + at, row.rows[1] = dy + at, row.n = mine ? causal.Visible(r) : 0, row.lead = causal.Lead(r);
    row.Load(0);
    float sum = 0;
    row.Each(0, [&](int, int64_t, const Four(&a)[2]) {
      for (int j = 0; j < 4; ++j) sum += a[0].v[j] * a[1].v[j];
    });
    sum = Plan::Reduce(sum, room, Add());
    row.Each(0, [&](int, int64_t i, const Four(&a)[2]) {
      Four d;
      for (int j = 0; j < 4; ++j) d.v[j] = scale * a[0].v[j] * (a[1].v[j] - sum);
      StoreFour(dx + at, i, row.n, d);
    });
    if (mine) ClearHidden<Plan>(dx + at, row.n, causal.columns);
  });
}

}  // namespace

Outcome RunMaskedSoftmax(const Call& call, Message& message) {
  const Causal causal(OutputShape(call, 0));
  return WithPlan(causal.columns, [&](auto plan) {
    using Plan = decltype(plan);
    return Launch(call, message, Plan::GridOf(causal.total), SoftmaxKernel<Plan>, call.control, Input<float>(call, 0),
                  causal, call.params->as<MaskedSoftmaxParams>().scale, Output<float>(call, 0));
  });
}

Outcome RunMaskedSoftmaxBackward(const Call& call, Message& message) {
  const Causal causal(OutputShape(call, 0));
  return WithPlan(causal.columns, [&](auto plan) {
    using Plan = decltype(plan);
    return Launch(call, message, Plan::GridOf(causal.total), BackwardKernel<Plan>, call.control, Input<float>(call, 0),
                  Input<float>(call, 1), causal, call.params->as<MaskedSoftmaxParams>().scale, Output<float>(call, 0));
  });
}

}  // namespace nano::cuda
