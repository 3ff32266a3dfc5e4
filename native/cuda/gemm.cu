// Plans a matrix product: which kernel computes it, with which tiles, and whether its terms are
// summed in parts (split-K).
#include <algorithm>
#include <cstdio>

#include "cuda/gemm.cuh"
#include "cuda/gemm_parts.cuh"

namespace nano::cuda {
namespace {

// Enough blocks for a large GPU; a constant, so that sums don't depend on the GPU.
constexpr int64_t kManyBlocks = 256;
// If the terms are split, each part has at least this many, rounded up to a multiple of kPartUnit;
// the last part has the rest.
constexpr int64_t kLargePart = 512, kSmallPart = 128, kThinPart = 2048, kPartUnit = 64;
constexpr int64_t kThinColumns = 32;  // per block, if the columns of b are adjacent

struct Plan {
  Tile tile;
  int64_t parts, part_terms;
};

int64_t PartsFor(int64_t blocks, int64_t k, int64_t least) {
  return std::max<int64_t>(1, std::min(kManyBlocks / blocks, k / least));
}

// Depends on sizes and strides only.
Plan PlanOf(const Gemm& p) {
  const auto blocks = [&](int64_t side) { return DivideUp(p.m, side) * DivideUp(p.n, side) * p.batch; };
  Plan plan{Tile::kSmall, 1, 0};
  if (p.m <= kThinRows) {
    plan = {Tile::kThin, PartsFor(DivideUp(p.n, kThinColumns) * p.batch, p.k, kThinPart), 0};
  } else {
    plan = {Tile::kLarge, PartsFor(blocks(kLargeSide), p.k, kLargePart), 0};
    if (p.m <= kSmallSide || p.n <= kSmallSide || blocks(kLargeSide) * plan.parts < kManyBlocks / 2) {
      plan = {Tile::kSmall, PartsFor(blocks(kSmallSide), p.k, kSmallPart), 0};
    }
  }
  plan.part_terms = DivideUp(DivideUp(p.k, plan.parts), kPartUnit) * kPartUnit;
  plan.parts = DivideUp(p.k, plan.part_terms);
  return plan;
}

// For b, the steps of the transposed matrix are passed.
Operand OperandOf(const void* data, int64_t side_step, int64_t term_step, int64_t step) {
  const bool across = term_step != 1;
  return {data, across ? term_step : side_step, step, across};
}

Target TargetOf(const Gemm& p) {
  const bool bf16 = p.c_dtype == Dtype::kBf16;
  const bool vector =
      p.n % 4 == 0 && p.c_row % 4 == 0 && p.c_step % 4 == 0 && reinterpret_cast<uintptr_t>(p.c) % (bf16 ? 8 : 16) == 0;
  return {p.c, p.c_row, p.c_step, 0, p.bias, p.accumulate, p.relu, bf16, vector};
}

Target PartsTarget(const Gemm& p, void* scratch) {
  return {scratch, p.n, p.m * p.n, p.batch * p.m * p.n, nullptr, false, false, false, p.n % 4 == 0};
}

// Computes c from the sums of the parts, which are added in order.
Outcome SumParts(const Call& call, Message& message, const Gemm& p, const Target& target, int64_t parts,
                 const float* sums) {
  const int64_t m = p.m, n = p.n, count = p.batch * m * n;
  const bool dense = p.c_row == n && (p.batch == 1 || p.c_step == m * n);
  return ForElements(call, message, count, [=] __device__(int64_t i) {
    float sum[1] = {sums[i]};
    for (int64_t part = 1; part < parts; ++part) sum[0] += sums[part * count + i];
    const int64_t column = dense && target.bias == nullptr ? 0 : i % n, row = dense ? 0 : i / n;
    const int64_t at = dense ? i : row / m * target.step + row % m * target.row + column;
    if (target.bf16) {
      PutAs<__nv_bfloat16>(target, at, column, 1, sum, {});
    } else {
      PutAs<float>(target, at, column, 1, sum, {});
    }
  });
}

Outcome Refuse(Message& message, const char* what) {
  std::snprintf(message.text, sizeof(message.text), "CUDA: products of %s need a GPU of compute capability 8.0 or more",
                what);
  return Outcome::kUnsupported;
}

Outcome MultiplyWork(const Call& call, Message& message, const Work& work, Tile tile, Dtype dtype,
                     Precision precision) {
  const bool bf16 = dtype == Dtype::kBf16, tf32 = !bf16 && precision == Precision::kTf32;
  if (bf16 || tf32) {
    int major = 0;
    const cudaError_t error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, call.queue->ordinal);
    if (error != cudaSuccess) return OutcomeOf(error, "cudaDeviceGetAttribute", message);
    if (major < 8) return Refuse(message, bf16 ? "bf16" : "tf32");
  }
  if (tile == Tile::kThin) return MultiplyThin(call, message, work, dtype, tf32);
  if (bf16) return MultiplyBf16(call, message, work, tile);
  return tf32 ? MultiplyTf32(call, message, work, tile) : MultiplyF32(call, message, work, tile);
}

}  // namespace

size_t MultiplyScratch(const Gemm& p) {
  const int64_t parts = PlanOf(p).parts;
  return parts == 1 ? 0 : static_cast<size_t>(parts * p.batch * p.m * p.n) * sizeof(float);
}

Outcome Multiply(const Call& call, Message& message, const Gemm& p, void* scratch, Precision precision) {
  const Plan plan = PlanOf(p);
  const Target target = TargetOf(p);
  const Work work = {p.m,
                     p.n,
                     p.k,
                     OperandOf(p.a.data, p.a.row, p.a.column, p.a.step),
                     OperandOf(p.b.data, p.b.column, p.b.row, p.b.step),
                     plan.parts == 1 ? target : PartsTarget(p, scratch),
                     p.batch,
                     plan.parts,
                     plan.part_terms};
  const Outcome outcome = MultiplyWork(call, message, work, plan.tile, p.dtype, precision);
  if (outcome != Outcome::kOk || plan.parts == 1) return outcome;
  return SumParts(call, message, p, target, plan.parts, static_cast<const float*>(scratch));
}

}  // namespace nano::cuda
