// Matrix products, for every op that needs one (gpu/product.h).
#pragma once

#include "metal/kernel.h"

// One launch. Threadgroup x computes a tile of one matrix of c. Threadgroup y sums `part_terms` of
// the k terms. A side is a row of a or a column of b. Term p of side s is element s * stride + p,
// or s + p * stride if the terms are strided. The next matrix of the batch begins
// `step` elements later.
struct GemmArguments {
  uint32_t m, n, k;
  uint32_t a_stride, a_step, b_stride, b_step;
  uint32_t c_row, c_step, part_step;
  uint32_t part_terms;
  uint32_t tiles_down, tiles_along;  // in each matrix of c
};

#if defined(__METAL_VERSION__)

// Operands 0 to 2 of a launch are c, a and b.
constant uint kAcrossA [[function_constant(1)]];
constant uint kAcrossB [[function_constant(2)]];
constant uint kTf32 [[function_constant(3)]];  // a and b are rounded to tf32 as they are loaded
constant uint kAccumulate [[function_constant(4)]];
constant uint kBias [[function_constant(5)]];
constant uint kRelu [[function_constant(6)]];

// A threadgroup's work. Tiles are numbered in bands of eight rows of tiles, so that threadgroups
// that run at the same time share operands.
struct Place {
  uint matrix, part, tile_down, tile_along;
  uint first, last;  // terms
};

inline Place PlaceOf(constant GemmArguments& work, uint2 group) {
  constexpr uint kBand = 8;
  const uint tiles = work.tiles_down * work.tiles_along, tile = group.x % tiles;
  const uint above = tile / (kBand * work.tiles_along) * kBand, rows = min(work.tiles_down - above, kBand);
  const uint in_band = tile - above * work.tiles_along;
  Place place;
  place.matrix = group.x / tiles, place.part = group.y;
  place.tile_down = above + in_band % rows, place.tile_along = in_band / rows;
  place.first = group.y * work.part_terms, place.last = min(place.first + work.part_terms, work.k);
  return place;
}

// The first element of the place's terms.
inline uint BeginOfA(constant GemmArguments& work, Place place) {
  return place.matrix * work.a_step + place.first * (kAcrossA != 0 ? work.a_stride : 1);
}
inline uint BeginOfB(constant GemmArguments& work, Place place) {
  return place.matrix * work.b_step + place.first * (kAcrossB != 0 ? work.b_stride : 1);
}

// Rounds to 11 significant bits, to nearest, ties away from 0. Infinities and NaNs are unchanged.
inline float ToTf32(float value) {
  const uint bits = as_type<uint>(value);
  return (bits & 0x7F800000u) == 0x7F800000u ? value : as_type<float>((bits + 0x1000u) & 0xFFFFE000u);
}
inline float4 ToTf32(float4 v) { return float4(ToTf32(v.x), ToTf32(v.y), ToTf32(v.z), ToTf32(v.w)); }

// The epilogue: writes the first `count` of four adjacent sums to c, after accumulation, bias and
// relu if the launch has them.
inline void Put(constant GemmArguments& work, Place place, device float* c, device const float* bias, uint row,
                uint column, uint count, float4 sums) {
  const uint at = place.matrix * work.c_step + place.part * work.part_step + row * work.c_row + column;
  if (kAccumulate != 0) sums += LoadQuad(FloatsIn(c, 0u), at, at + count);
  if (kBias != 0) sums += LoadQuad(FloatsIn(bias, false), column, column + count);
  if (kRelu != 0) sums = select(sums, float4(0), sums < 0);  // keeps a NaN
  StoreQuad(FloatsOut(c, 0u), at, at + count, sums);
}

#else  // the host's part
#include "gpu/product.h"

namespace nano::metal {

using gpu::Gemm;
using gpu::Matrix;
using gpu::ProductOf;

// Bytes of scratch that Multiply needs, from sizes and strides alone.
size_t MultiplyScratch(const Gemm& product);
// The order of the sums depends on sizes and strides alone. If `precision` is kTf32, f32 operands
// are rounded first.
Outcome Multiply(const Call& call, Message& message, const Gemm& product, void* scratch,
                 Precision precision = Precision::kF32);

// A product of the call's inputs: takes data, dtypes and precision from the call. `first` is the
// index of input a; b follows it.
inline Outcome MultiplyInputs(const Call& call, Message& message, Gemm product, size_t first) {
  product.a.data = call.inputs[first].data, product.b.data = call.inputs[first + 1].data;
  product.c = call.outputs[0].data;
  product.dtype = call.inputs[first].spec->dtype, product.c_dtype = call.outputs[0].spec->dtype;
  return Multiply(call, message, product, call.scratch, call.precision);
}

// ---- The implementation, in gemm.metal and gemm_thin.metal.
struct GemmWork {
  GemmArguments arguments;
  Operand c, a, b, bias;
  bool across_a, across_b, tf32, accumulate, has_bias, relu;
  int64_t batch, parts;
};

constexpr int64_t kThinRows = 8;  // the maximum of a thin product
Outcome MultiplyThin(const Call& call, Message& message, const GemmWork& work);

// Cuts c into tiles, one per threadgroup, and launches the kernel.
inline Outcome LaunchTiles(const Call& call, Message& message, GemmWork work, int64_t tile_rows, int64_t tile_columns,
                           int threads, const Function& function) {
  GemmArguments& arguments = work.arguments;
  arguments.tiles_down = static_cast<uint32_t>(DivideUp(arguments.m, tile_rows));
  arguments.tiles_along = static_cast<uint32_t>(DivideUp(arguments.n, tile_columns));
  const auto whole = [&](bool across, uint32_t sides) -> uint32_t {
    return (across ? sides : arguments.k) % kQuad == 0;
  };
  const uint32_t rows = arguments.m <= kThinRows ? arguments.m : 0;  // 0: tile kernels ignore it
  const int64_t tiles = int64_t{arguments.tiles_down} * arguments.tiles_along;
  const double flops = 2.0 * arguments.m * arguments.n * arguments.k * static_cast<double>(work.batch);
  return Launch(call, message, {tiles * work.batch, threads, work.parts, 1, flops}, function,
                {work.across_a, work.across_b, work.tf32, work.accumulate, work.has_bias, work.relu,
                 whole(work.across_a, arguments.m), whole(work.across_b, arguments.n), rows},
                arguments, {work.c, work.a, work.b, work.bias});
}

}  // namespace nano::metal
#endif
