// batched_matmul: y = op(a)·op(b) for each pair of matrices. If they are small, or if there are
// many, a task computes whole products. A few large products are computed one after the other, each
// split into tasks.
#include "ops/batched_matmul.h"

#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/loops.h"
#include "cpu/products.h"

namespace nano::cpu::NANO_ISA {
namespace {

// The split into tasks doesn't change a result.
constexpr int64_t kManyMatrices = 32;             // enough matrices to keep a pool busy
constexpr double kWholeTerms = 128 * kTaskTerms;  // if each has fewer multiply-adds than this

NANO_INLINE double TermsOf(const MatmulParams& p) {
  return static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
}

NANO_INLINE bool Whole(const BatchedMatmulParams& p) {
  return p.batch > 1 && TermsOf(p.each) < (p.batch < kManyMatrices ? 2 * kTaskTerms : kWholeTerms);
}

NANO_INLINE Gemm ProductAt(const Call& call, int64_t i) {
  const BatchedMatmulParams& p = call.params->as<BatchedMatmulParams>();
  return ProductOf(p.each, call.inputs[0].f32() + i * p.a_step, call.inputs[1].f32() + i * p.b_step,
                   call.outputs[0].f32() + i * p.each.m * p.each.n);
}

}  // namespace

size_t ScratchBatchedMatmul(const OpView&, const Params& params, int threads) {
  const BatchedMatmulParams& p = params.as<BatchedMatmulParams>();
  const auto room = [&](int workers) {
    return MultiplyScratch(p.each.m, p.each.n, p.each.k, p.each.transpose_a, workers);
  };
  return Whole(p) ? static_cast<size_t>(threads) * room(1) : room(threads);
}

InputError RunBatchedMatmul(const Call& call) {
  const BatchedMatmulParams& p = call.params->as<BatchedMatmulParams>();
  if (!Whole(p)) {
    for (int64_t i = 0; i < p.batch; ++i) Multiply(ProductAt(call, i), call.scratch, call.pool);
    return {};
  }
  const size_t room = MultiplyScratch(p.each.m, p.each.n, p.each.k, p.each.transpose_a, 1);
  const int64_t together = Larger(1, static_cast<int64_t>(kTaskTerms / TermsOf(p.each)));
  ForTasks(call.pool, p.batch, together, [&](int64_t begin, int64_t end, int worker) {
    std::byte* scratch = call.scratch + static_cast<size_t>(worker) * room;
    for (int64_t i = begin; i < end; ++i) Multiply(ProductAt(call, i), scratch, nullptr);
  });
  return {};
}

}  // namespace nano::cpu::NANO_ISA
