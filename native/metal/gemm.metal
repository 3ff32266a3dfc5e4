// Tiled matrix products on simdgroup matrices. A threadgroup of four simdgroups computes a square
// tile of c. Each simdgroup keeps a quarter of it in registers. The terms go through threadgroup
// memory, one step at a time: while one step is multiplied, the next is loaded into registers.
// Tiles are 64 × 64, or 32 × 32 if there would be too few of them. docs/notes/performance.md gives
// the reasons ("Tiles of products").
#include "metal/gemm.h"
#if defined(__METAL_VERSION__)

// Whether lines have a multiple of four elements, so that an aligned quad is entirely inside or
// outside the operand.
constant uint kWholeA [[function_constant(7)]];
constant uint kWholeB [[function_constant(8)]];

// kGapBytes pads each line in threadgroup memory, so that a matrix's rows start in different banks.
constant constexpr uint kThreads = 128;
constant constexpr uint kMatrix = 8;      // rows and columns of a simdgroup matrix
constant constexpr uint kStepBytes = 64;  // of a side's terms, per step
constant constexpr uint kGapBytes = 16;

// The types of an element in memory, of four packed ones, in threadgroup memory, and in a simdgroup
// matrix.
struct F32 {
  typedef float Memory;
  typedef packed_float4 Packed;
  typedef float Room;
  typedef float Element;
};
struct F16 {
  typedef half Memory;
  typedef packed_half4 Packed;
  typedef half Room;
  typedef half Element;
};
struct Bf16 {
  typedef ushort Memory;
  typedef packed_ushort4 Packed;
#if __METAL_VERSION__ >= 310
  typedef ushort Room;
  typedef bfloat Element;
#else  // no bf16 matrices before Metal 3.1
  typedef float Room;
  typedef float Element;
#endif
};

// Conversion when a quad is stored to threadgroup memory.
inline float4 Converted(float4 four) { return kTf32 != 0 ? ToTf32(four) : four; }
inline half4 Converted(half4 four) { return four; }
#if __METAL_VERSION__ >= 310
inline ushort4 Converted(ushort4 four) { return four; }
#else
inline float4 Converted(ushort4 four) { return FromBf16(four); }
#endif

template <class Kind, uint kSides>
struct Sizes {
  static constexpr constant uint kStep = kStepBytes / sizeof(typename Kind::Room);
  static constexpr constant uint kGap = kGapBytes / sizeof(typename Kind::Room);
  // Room for kSides lines of kStep terms. kStep lines of kSides need no more.
  static constexpr constant uint kTile = kSides * (kStep + kGap);
  static constexpr constant uint kBytes = 2 * kTile * sizeof(typename Kind::Room);
};

// Moves an operand's tiles from memory to registers, and from there to threadgroup memory. A line
// is one side with a step's terms, or one term with all sides if the terms are strided.
template <class Kind, uint kSides>
struct TileLoader {
  typedef typename Kind::Memory Memory;
  typedef typename Kind::Room Room;
  static constexpr constant uint kStep = Sizes<Kind, kSides>::kStep, kGap = Sizes<Kind, kSides>::kGap;
  static constexpr constant uint kQuads = kSides * kStep / kQuad / kThreads;  // per thread

  device const Memory* from;  // at the tile's first side and the next step's first term
  uint stride;
  int sides;  // number of sides from there on
  bool across, whole;
  uint thread_index;
  vec<Memory, 4> quads[kQuads];

  uint Line(uint i) const { return (thread_index + i * kThreads) / (across ? kSides / kQuad : kStep / kQuad); }
  uint InLine(uint i) const {
    return (thread_index + i * kThreads) % (across ? kSides / kQuad : kStep / kQuad) * kQuad;
  }
  uint RoomStride() const { return (across ? kSides : kStep) + kGap; }

  // Loads the next terms, of which `left` exist. The rest are zero.
  void Load(int left) {
#pragma unroll
    for (uint i = 0; i < kQuads; ++i) {
      const int line = int(Line(i)), in_line = int(InLine(i));
      const int count = line >= (across ? left : sides) ? 0 : (across ? sides : left) - in_line;
      device const Memory* const at = from + uint(line) * stride + uint(in_line);
      vec<Memory, 4> quad = vec<Memory, 4>(Memory(0));
      if (count >= int(kQuad)) {
        quad = vec<Memory, 4>(*(device const typename Kind::Packed*)at);
      } else if (!whole) {
        for (int e = 0; e < count; ++e) quad[e] = at[e];
      }
      quads[i] = quad;
    }
    from += across ? kStep * stride : kStep;
  }

  void Store(threadgroup Room* room) const {
#pragma unroll
    for (uint i = 0; i < kQuads; ++i) {
      *(threadgroup vec<Room, 4>*)(room + Line(i) * RoomStride() + InLine(i)) = Converted(quads[i]);
    }
  }
};

// Loads eight sides, from `side` on, with eight terms. `turned`: rows of memory are the matrix's
// columns.
template <class Kind>
inline void Fetch(thread simdgroup_matrix<typename Kind::Element, 8, 8>& matrix, threadgroup typename Kind::Room* room,
                  uint side, uint term, uint stride, bool across, bool turned) {
  threadgroup typename Kind::Element* const at =
      (threadgroup typename Kind::Element*)(room + (across ? term * stride + side : side * stride + term));
  if (turned) {
    simdgroup_load(matrix, at, stride, ulong2(0), true);
  } else {
    simdgroup_load(matrix, at, stride);
  }
}

template <class Kind, uint kSides>
[[kernel]] [[max_total_threads_per_threadgroup(128)]] void gemm(
    device const Control& control [[buffer(0)]], constant GemmArguments& work [[buffer(1)]],
    device float* c [[buffer(2)]], device const float* a [[buffer(3)]], device const float* b [[buffer(4)]],
    device const float* bias [[buffer(5)]], uint2 group [[threadgroup_position_in_grid]],
    uint thread_index [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]],
    uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  typedef typename Kind::Memory Memory;
  typedef typename Kind::Room Room;
  typedef typename Kind::Element Element;
  constexpr uint kStep = Sizes<Kind, kSides>::kStep;
  constexpr uint kPart = kSides / 2, kMatrices = kPart / kMatrix;  // per simdgroup and direction
  threadgroup float4 room[Sizes<Kind, kSides>::kBytes / sizeof(float4)];
  if (Stopped(control)) return;
  const Place place = PlaceOf(work, group);
  const uint row0 = place.tile_down * kSides, column0 = place.tile_along * kSides;
  const uint row = simdgroup / 2 * kPart, column = simdgroup % 2 * kPart;
  threadgroup Room* const tile_a = (threadgroup Room*)room;
  threadgroup Room* const tile_b = tile_a + Sizes<Kind, kSides>::kTile;
  TileLoader<Kind, kSides> move_a, move_b;
  move_a.from = (device const Memory*)a + BeginOfA(work, place) + row0 * (kAcrossA != 0 ? 1 : work.a_stride);
  move_a.stride = work.a_stride, move_a.sides = int(work.m - row0);
  move_a.across = kAcrossA != 0, move_a.whole = kWholeA != 0, move_a.thread_index = thread_index;
  move_b.from = (device const Memory*)b + BeginOfB(work, place) + column0 * (kAcrossB != 0 ? 1 : work.b_stride);
  move_b.stride = work.b_stride, move_b.sides = int(work.n - column0);
  move_b.across = kAcrossB != 0, move_b.whole = kWholeB != 0, move_b.thread_index = thread_index;

  simdgroup_matrix<float, 8, 8> sums[kMatrices][kMatrices];
#pragma unroll
  for (uint i = 0; i < kMatrices; ++i) {
#pragma unroll
    for (uint j = 0; j < kMatrices; ++j) sums[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  }
  int left = int(place.last - place.first);
  move_a.Load(left);
  move_b.Load(left);
  for (; left > 0; left -= int(kStep)) {
    threadgroup_barrier(mem_flags::mem_threadgroup);  // all threads have finished the previous step
    move_a.Store(tile_a);
    move_b.Store(tile_b);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (left > int(kStep)) {
      move_a.Load(left - int(kStep));
      move_b.Load(left - int(kStep));
    }
#pragma unroll
    for (uint term = 0; term < kStep; term += kMatrix) {
      simdgroup_matrix<Element, 8, 8> x[kMatrices], y[kMatrices];
      // Keeps the compiler from loading further ahead, for which there are not enough registers.
      simdgroup_barrier(mem_flags::mem_none);
#pragma unroll
      for (uint i = 0; i < kMatrices; ++i) {
        Fetch<Kind>(x[i], tile_a, row + i * kMatrix, term, move_a.RoomStride(), kAcrossA != 0, kAcrossA != 0);
      }
#pragma unroll
      for (uint j = 0; j < kMatrices; ++j) {
        Fetch<Kind>(y[j], tile_b, column + j * kMatrix, term, move_b.RoomStride(), kAcrossB != 0, kAcrossB == 0);
      }
#pragma unroll
      for (uint i = 0; i < kMatrices; ++i) {
#pragma unroll
        for (uint j = 0; j < kMatrices; ++j) simdgroup_multiply_accumulate(sums[i][j], x[i], y[j], sums[i][j]);
      }
    }
  }
  // Eight rows at a time go through the simdgroup's part of `room`, so that whole lines of c are
  // written.
  constexpr uint kLine = kPart + kGapBytes / sizeof(float), kLineQuads = kPart / kQuad;
  threadgroup float* const rows = (threadgroup float*)room + simdgroup * kMatrix * kLine;
  threadgroup_barrier(mem_flags::mem_threadgroup);
#pragma unroll
  for (uint i = 0; i < kMatrices; ++i) {
#pragma unroll
    for (uint j = 0; j < kMatrices; ++j) simdgroup_store(sums[i][j], rows + j * kMatrix, kLine);
    simdgroup_barrier(mem_flags::mem_threadgroup);
#pragma unroll
    for (uint quad = lane; quad < kMatrix * kLineQuads; quad += kSimd) {
      const uint down = quad / kLineQuads, along = quad % kLineQuads * kQuad;
      const uint to_row = row0 + row + i * kMatrix + down, to_column = column0 + column + along;
      if (to_row < work.m && to_column < work.n) {
        Put(work, place, c, bias, to_row, to_column, min(work.n - to_column, kQuad),
            *(threadgroup const float4*)(rows + down * kLine + along));
      }
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }
}

#define GEMM(name, Kind, kSides) \
  template [[host_name(name)]] [[kernel]] decltype(gemm<Kind, kSides>) gemm<Kind, kSides>;
GEMM("gemm_f32_64", F32, 64)
GEMM("gemm_f32_32", F32, 32)
GEMM("gemm_f16_64", F16, 64)
GEMM("gemm_f16_32", F16, 32)
GEMM("gemm_bf16_64", Bf16, 64)
GEMM("gemm_bf16_32", Bf16, 32)

// Computes c from the partial sums, which are added in order. A thread computes four columns of a
// row.
kernel void gemm_sum_parts(device const Control& control [[buffer(0)]], constant GemmArguments& work [[buffer(1)]],
                           device float* c [[buffer(2)]], device const float* sums [[buffer(3)]],
                           device const float* bias [[buffer(4)]], uint i [[thread_position_in_grid]]) {
  const uint quads = (work.n + kQuad - 1) / kQuad, row = i / quads, column = i % quads * kQuad;
  if (Stopped(control) || row >= work.part_step / work.n) return;
  Place place;
  place.matrix = row / work.m, place.part = 0;
  const uint count = min(work.n - column, kQuad);
  float4 sum = float4(0);
  for (uint at = row * work.n + column, first = 0; first < work.k; first += work.part_terms, at += work.part_step) {
    sum += LoadQuad(FloatsIn(sums, 1u), at, at + count);
  }
  Put(work, place, c, bias, row % work.m, column, count, sum);
}

#else  // the host's part
#include <algorithm>
#include <string>

namespace nano::metal {
namespace {

constexpr int kThreads = 128;
constexpr int64_t kSmallSide = 32, kLargeSide = 64;
// Fewer than kFewGroups threadgroups are too few for the 8 to 10 cores of an M2. kManyGroups,
// counting parts, is about four for each of the 38 cores of an M2 Max. They are constants, so that
// sums don't depend on the GPU.
constexpr int64_t kFewGroups = 64, kManyGroups = 160;
// Minimum number of terms of a part, for large tiles, small tiles and thin products. A part is a
// multiple of kPartUnit terms; the last one may be shorter.
constexpr int64_t kLargePart = 512, kSmallPart = 128, kThinPart = 2048, kPartUnit = 64;
constexpr int64_t kThinColumns = 32;  // per threadgroup of gemm_thin_across

struct Plan {
  int64_t side;  // of a tile; 0: thin product
  int64_t parts, part_terms;
};

int64_t PartsFor(int64_t groups, int64_t k, int64_t least) {
  return std::max<int64_t>(1, std::min(kManyGroups / groups, k / least));
}

// Depends on sizes only.
Plan PlanOf(const Gemm& p) {
  const auto groups = [&](int64_t side) { return DivideUp(p.m, side) * DivideUp(p.n, side) * p.batch; };
  Plan plan{};
  if (p.m <= kThinRows) {
    plan = {0, PartsFor(DivideUp(p.n, kThinColumns) * p.batch, p.k, kThinPart), 0};
  } else {
    plan = {kLargeSide, PartsFor(groups(kLargeSide), p.k, kLargePart), 0};
    if (p.m <= kSmallSide || p.n <= kSmallSide || groups(kLargeSide) * plan.parts < kFewGroups) {
      plan = {kSmallSide, PartsFor(groups(kSmallSide), p.k, kSmallPart), 0};
    }
  }
  plan.part_terms = DivideUp(DivideUp(p.k, plan.parts), kPartUnit) * kPartUnit;
  plan.parts = DivideUp(p.k, plan.part_terms);
  return plan;
}

Operand OperandOf(const void* data, int64_t elements, Dtype dtype) {
  Operand operand(data, static_cast<size_t>(elements) * SizeOf(dtype));
  operand.dtype = dtype;
  return operand;
}

Outcome MultiplyTiles(const Call& call, Message& message, const GemmWork& work, int64_t side) {
  const bool small = side == kSmallSide;
  const char* name = small ? "gemm_f32_32" : "gemm_f32_64";
  if (work.a.dtype == Dtype::kF16) name = small ? "gemm_f16_32" : "gemm_f16_64";
  if (work.a.dtype == Dtype::kBf16) name = small ? "gemm_bf16_32" : "gemm_bf16_64";
  return LaunchTiles(call, message, work, side, side, kThreads, {"gemm", name});
}

}  // namespace

size_t MultiplyScratch(const Gemm& p) {
  const int64_t parts = PlanOf(p).parts;
  return parts == 1 ? 0 : static_cast<size_t>(parts * p.batch * p.m * p.n) * sizeof(float);
}

Outcome Multiply(const Call& call, Message& message, const Gemm& p, void* scratch, Precision precision) {
  const Plan plan = PlanOf(p);
  const auto count = [](int64_t number) { return static_cast<uint32_t>(number); };
  const bool across_a = p.a.column != 1, across_b = p.b.row != 1;
  GemmArguments arguments{};
  arguments.m = count(p.m), arguments.n = count(p.n), arguments.k = count(p.k);
  arguments.a_stride = count(across_a ? p.a.column : p.a.row), arguments.a_step = count(p.a.step);
  arguments.b_stride = count(across_b ? p.b.row : p.b.column), arguments.b_step = count(p.b.step);
  arguments.c_row = count(p.c_row), arguments.c_step = count(p.c_step);
  arguments.part_step = count(p.batch * p.m * p.n), arguments.part_terms = count(plan.part_terms);
  const Operand c = OperandOf(p.c, p.batch * p.m * p.n, p.c_dtype);
  const bool tf32 = precision == Precision::kTf32 && p.dtype == Dtype::kF32;
  // Without a bias, any buffer will do.
  GemmWork work{arguments,
                c,
                OperandOf(p.a.data, p.batch * p.m * p.k, p.dtype),
                OperandOf(p.b.data, p.batch * p.k * p.n, p.dtype),
                p.bias != nullptr ? p.bias : p.c,
                across_a,
                across_b,
                tf32,
                p.accumulate,
                p.bias != nullptr,
                p.relu,
                p.batch,
                plan.parts};
  if (plan.parts > 1) {
    work.arguments.c_row = arguments.n, work.arguments.c_step = arguments.m * arguments.n;
    work.c = scratch;
    work.accumulate = work.has_bias = work.relu = false;
  }
  const Outcome outcome =
      plan.side == 0 ? MultiplyThin(call, message, work) : MultiplyTiles(call, message, work, plan.side);
  if (outcome != Outcome::kOk || plan.parts == 1) return outcome;
  const Grid grid = {DivideUp(p.batch * p.m * DivideUp(p.n, kQuad), kElementThreads), kElementThreads};
  return Launch(call, message, grid, {"gemm", "gemm_sum_parts"}, {0, 0, 0, p.accumulate, p.bias != nullptr, p.relu},
                arguments, {c, scratch, work.bias});
}

}  // namespace nano::metal
#endif
