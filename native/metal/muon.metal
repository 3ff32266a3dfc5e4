// muon: one matrix after another, without transposing any. If a matrix has more rows than columns,
// XᵀX replaces X·Xᵀ and the polynomial multiplies X from the right.
#include "metal/double_float.h"

struct MuonArguments {
  uint32_t n;               // elements
  uint32_t chunks;          // of the sum of squares
  uint32_t side;            // rows and columns of XᵀX or X·Xᵀ
  float a, b, c, smallest;  // ops/muon.h
  float factor, decay;
  uint32_t index, count;  // of this matrix, and of all
};

#if defined(__METAL_VERSION__)

constant constexpr uint kThreads = 256, kChunk = 8192;  // elements per threadgroup

// m = momentum·m + g, then x = g + momentum·m, with g = scale·gradient. Each threadgroup sums the
// squares of its chunk.
kernel void muon_direction(device Control& control [[buffer(0)]], constant MuonArguments& arguments [[buffer(1)]],
                           device float* m [[buffer(2)]], device float* x [[buffer(3)]],
                           device float2* sums [[buffer(4)]], device const float* gradient [[buffer(5)]],
                           device const float& momentum [[buffer(6)]], device const float& scale [[buffer(7)]],
                           uint group [[threadgroup_position_in_grid]],
                           uint thread_index [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  threadgroup float2 room[kThreads / kSimd];
  if (Stopped(control)) return;
  const uint begin = group * kChunk, end = min(begin + kChunk, arguments.n);
  DoubleFloat sum = Pair(0.0f);
  bool not_finite = false;  // an element of m
  for (uint i = begin + thread_index * kQuad; i < end; i += kThreads * kQuad) {
    float4 g = LoadQuad(FloatsIn(gradient, false), i, end) * scale;
    const float4 now = momentum * LoadQuad(FloatsIn(m, false), i, end) + g;
    g += momentum * now;
    StoreQuad(FloatsOut(m, false), i, end, now);
    StoreQuad(FloatsOut(x, false), i, end, g);
    for (uint e = 0; e < kQuad; ++e) {
      sum = Add(sum, ExactProduct(g[e], g[e]));
      if (i + e < end && !IsFinite(now[e])) not_finite = true;
    }
  }
  if (not_finite) NoteNotFinite(control, arguments.count + arguments.index);
  sum = GroupSum(sum, room, {lane, simdgroup, kThreads / kSimd});
  if (thread_index == 0) sums[group] = float2(sum.high, sum.low);
}

// Divides x by its norm. Each threadgroup adds up the chunks' sums itself, which saves a launch.
kernel void muon_normalize(device const Control& control [[buffer(0)]], constant MuonArguments& arguments [[buffer(1)]],
                           device float* x [[buffer(2)]], device const float2* sums [[buffer(3)]],
                           uint group [[threadgroup_position_in_grid]],
                           uint thread_index [[thread_index_in_threadgroup]], uint lane [[thread_index_in_simdgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  threadgroup float2 room[kThreads / kSimd];
  if (Stopped(control)) return;
  DoubleFloat sum = Pair(0.0f);
  for (uint i = thread_index; i < arguments.chunks; i += kThreads) sum = Add(sum, Pair(sums[i].x, sums[i].y));
  sum = GroupSum(sum, room, {lane, simdgroup, kThreads / kSimd});
  const float inverse = 1.0f / (sqrt(ToFloat(sum)) + arguments.smallest);
  const uint begin = group * kChunk, end = min(begin + kChunk, arguments.n);
  for (uint i = begin + thread_index * kQuad; i < end; i += kThreads * kQuad) {
    StoreQuad(FloatsOut(x, false), i, end, LoadQuad(FloatsIn(x, false), i, end) * inverse);
  }
}

// square = c·square + b·gram + a·I, the polynomial that multiplies X.
kernel void muon_polynomial(device const Control& control [[buffer(0)]],
                            constant MuonArguments& arguments [[buffer(1)]], device float* square [[buffer(2)]],
                            device const float* gram [[buffer(3)]], uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index, n = arguments.side * arguments.side;
  if (Stopped(control) || i >= n) return;
  float4 value =
      arguments.c * LoadQuad(FloatsIn(square, false), i, n) + arguments.b * LoadQuad(FloatsIn(gram, false), i, n);
  for (uint e = 0; e < kQuad; ++e) {
    if ((i + e) % (arguments.side + 1) == 0) value[e] += arguments.a;
  }
  StoreQuad(FloatsOut(square, false), i, n, value);
}

kernel void muon_descend(device Control& control [[buffer(0)]], constant MuonArguments& arguments [[buffer(1)]],
                         device float* parameter [[buffer(2)]], device const float* direction [[buffer(3)]],
                         device const float& rate [[buffer(4)]], uint thread_index [[thread_position_in_grid]]) {
  const uint i = kQuad * thread_index;
  if (Stopped(control) || i >= arguments.n) return;
  const float keep = fma(-rate, arguments.decay, 1.0f), step = rate * arguments.factor;
  const float4 updated = LoadQuad(FloatsIn(parameter, false), i, arguments.n) * keep -
                         step * LoadQuad(FloatsIn(direction, false), i, arguments.n);
  StoreQuad(FloatsOut(parameter, false), i, arguments.n, updated);
  for (uint e = 0; e < kQuad; ++e) {
    if (i + e < arguments.n && !IsFinite(updated[e])) NoteNotFinite(control, arguments.index);
  }
}

#else  // the host's part
#include <algorithm>
#include <cmath>

#include "metal/gemm.h"
#include "metal/kernels.h"
#include "ops/muon.h"

namespace nano::metal {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 8192;

struct Sizes {
  int64_t rows, columns, side;  // side: the shorter of the two, the size of XᵀX or X·Xᵀ
  bool tall;

  explicit Sizes(const Shape& shape)
      : rows(shape[0]), columns(shape[1]), side(rows < columns ? rows : columns), tall(rows > columns) {}

  int64_t elements() const { return rows * columns; }
  int64_t chunks() const { return DivideUp(elements(), kChunk); }

  // X·Xᵀ or XᵀX.
  Gemm Gram(const float* x, float* gram) const {
    const Matrix self = {x, columns, 1}, turned = {x, 1, columns};
    return {side, side, tall ? rows : columns, tall ? turned : self, tall ? self : turned, gram, side};
  }
  Gemm Square(const float* gram, float* square) const {
    const Matrix matrix = {gram, side, 1};
    return {side, side, side, matrix, matrix, square, side};
  }
  // polynomial·X or X·polynomial.
  Gemm Apply(const float* polynomial, const float* x, float* y) const {
    const Matrix matrix = {polynomial, side, 1}, self = {x, columns, 1};
    return {rows, columns, side, tall ? self : matrix, tall ? matrix : self, y, columns};
  }
};

// The parts of the scratch, in floats, each large enough for every matrix and rounded up to 16
// floats (64 bytes).
struct Room {
  int64_t sums = 0, matrix = 0, square = 0;
  size_t product = 0;  // bytes of scratch for the products

  void Add(const Sizes& sizes) {
    Grow(sums, 2 * sizes.chunks());
    Grow(matrix, sizes.elements());
    Grow(square, sizes.side * sizes.side);
    for (const Gemm& each :
         {sizes.Gram(nullptr, nullptr), sizes.Square(nullptr, nullptr), sizes.Apply(nullptr, nullptr, nullptr)}) {
      product = std::max(product, MultiplyScratch(each));
    }
  }
  size_t bytes() const { return static_cast<size_t>(sums + 2 * matrix + 2 * square) * sizeof(float) + product; }

 private:
  static void Grow(int64_t& room, int64_t needed) {
    const int64_t lines = DivideUp(needed, 16) * 16;
    if (room < lines) room = lines;
  }
};

// Updates the matrix of this index.
Outcome Turn(const Call& call, Message& message, const Room& room, size_t index) {
  const size_t n = call.output_count / 2;
  const Sizes sizes(OutputShape(call, index));
  const Operand gradient = call.inputs[3 + n + index], m = call.outputs[n + index], parameter = call.outputs[index];
  const MuonParams& params = call.params->as<MuonParams>();
  const Operand rate = call.inputs[0], momentum = call.inputs[1], scale = call.inputs[2];
  auto* sums = static_cast<float*>(call.scratch);
  float *x = sums + room.sums, *y = x + room.matrix;
  float *gram = y + room.matrix, *square = gram + room.square, *parts = square + room.square;
  const double longer = static_cast<double>(sizes.rows) / static_cast<double>(sizes.columns);
  const MuonArguments arguments = {static_cast<uint32_t>(sizes.elements()),
                                   static_cast<uint32_t>(sizes.chunks()),
                                   static_cast<uint32_t>(sizes.side),
                                   kMuonA,
                                   kMuonB,
                                   kMuonC,
                                   static_cast<float>(kMuonSmallest),
                                   static_cast<float>(longer > 1 ? std::sqrt(longer) : 1),
                                   static_cast<float>(params.weight_decay),
                                   static_cast<uint32_t>(index),
                                   static_cast<uint32_t>(n)};
  const Grid chunks = {sizes.chunks(), kThreads};
  Outcome outcome = Outcome::kOk;
  const auto then = [&](auto&& next) {
    if (outcome == Outcome::kOk) outcome = next();
  };
  const auto launch = [&](const Grid& grid, const char* name, Operands operands) {
    then([&] { return Launch(call, message, grid, {"muon", name}, {}, arguments, operands); });
  };
  launch(chunks, "muon_direction", {m, x, sums, gradient, momentum, scale});
  launch(chunks, "muon_normalize", {x, sums});
  for (int64_t iteration = 0; iteration < params.iterations; ++iteration) {
    then([&] { return Multiply(call, message, sizes.Gram(x, gram), parts); });
    then([&] { return Multiply(call, message, sizes.Square(gram, square), parts); });
    launch(GridOfQuads(sizes.side * sizes.side), "muon_polynomial", {square, gram});
    then([&] { return Multiply(call, message, sizes.Apply(square, x, y), parts); });
    std::swap(x, y);
  }
  launch(GridOfQuads(sizes.elements()), "muon_descend", {parameter, x, rate});
  return outcome;
}

}  // namespace

size_t ScratchMuon(const OpView& op, const Params&) {
  Room room;
  for (size_t i = 0; i < op.outputs.size() / 2; ++i) room.Add(Sizes(op.outputs[i].shape));
  return room.bytes();
}

Outcome RunMuon(const Call& call, Message& message) {
  const size_t n = call.output_count / 2;
  Room room;
  for (size_t i = 0; i < n; ++i) room.Add(Sizes(OutputShape(call, i)));
  for (size_t i = 0; i < n; ++i) {
    const Outcome outcome = Turn(call, message, room, i);
    if (outcome != Outcome::kOk) return outcome;
  }
  return ReportNotFinite(call, message);
}

}  // namespace nano::metal
#endif
