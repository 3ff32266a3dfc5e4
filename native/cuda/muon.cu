// muon: one matrix after the other. None is transposed: of a matrix with more rows than columns XᵀX is taken where X·Xᵀ
// is of the others, and the polynomial stands on its other side.
#include <algorithm>
#include <cmath>

#include "cuda/gemm.cuh"
#include "cuda/kernels.h"
#include "cuda/rows.cuh"
#include "ops/muon.h"

namespace nano::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 8192;  // elements whose squares a block adds

struct Sizes {
  int64_t rows, columns, side;  // side: the shorter, rows and columns of XᵀX or X·Xᵀ
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

// The parts of the scratch, large enough for each matrix in its turn: how many numbers each has, whole lines.
struct Room {
  int64_t sums = 0, matrix = 0, square = 0;
  size_t product = 0;  // bytes that the products want

  void Add(const Sizes& sizes) {
    Grow(sums, sizes.chunks());
    Grow(matrix, sizes.elements());
    Grow(square, sizes.side * sizes.side);
    for (const Gemm& each :
         {sizes.Gram(nullptr, nullptr), sizes.Square(nullptr, nullptr), sizes.Apply(nullptr, nullptr, nullptr)}) {
      product = std::max(product, MultiplyScratch(each));
    }
  }
  size_t bytes() const {
    return static_cast<size_t>(sums) * sizeof(double) + static_cast<size_t>(2 * matrix + 2 * square) * sizeof(float) +
           product;
  }

 private:
  static void Grow(int64_t& room, int64_t needed) {
    const int64_t lines = DivideUp(needed, 16) * 16;
    if (room < lines) room = lines;
  }
};

// What a step is asked for.
struct Step {
  const float *rate, *momentum, *scale;
};

// x = g + momentum·m with g = scale·gradient, m brought up to date first. A block sums the squares of its chunk.
__global__ void __launch_bounds__(kThreads) DirectionKernel(const Control* control, Step step, const float* gradient,
                                                            int64_t n, float* m, float* x, double* sums) {
  __shared__ double room[kThreads / kWarp];
  if (Stopped(control)) return;
  const float momentum = *step.momentum, scale = *step.scale;
  const int64_t begin = blockIdx.x * kChunk, end = begin + kChunk < n ? begin + kChunk : n;
  double sum = 0;
  for (int64_t i = begin + 4 * static_cast<int64_t>(threadIdx.x); i < end; i += 4 * kThreads) {
    Four g = LoadFour(gradient, i, end, 0), old = LoadFour(m, i, end, 0);
    for (int j = 0; j < 4; ++j) {
      g.v[j] *= scale;
      old.v[j] = momentum * old.v[j] + g.v[j];
      g.v[j] += momentum * old.v[j];
      sum += static_cast<double>(g.v[j]) * g.v[j];
    }
    StoreFour(m, i, end, old);
    StoreFour(x, i, end, g);
  }
  sum = BlockReduce<kThreads>(sum, room, Add());
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// x divided by its norm. Each block adds the chunks' sums for itself, rather than wait for another kernel.
__global__ void __launch_bounds__(kThreads)
    NormalizeKernel(const Control* control, const double* sums, int64_t chunks, int64_t n, float* x) {
  __shared__ double room[kThreads / kWarp];
  if (Stopped(control)) return;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < chunks; i += kThreads) sum += sums[i];
  sum = BlockReduce<kThreads>(sum, room, Add());
  const float inverse = static_cast<float>(1 / (sqrt(sum) + kMuonSmallest));
  const int64_t begin = blockIdx.x * kChunk, end = begin + kChunk < n ? begin + kChunk : n;
  for (int64_t i = begin + 4 * static_cast<int64_t>(threadIdx.x); i < end; i += 4 * kThreads) {
    Four four = LoadFour(x, i, end, 0);
    for (int j = 0; j < 4; ++j) four.v[j] *= inverse;
    StoreFour(x, i, end, four);
  }
}

// square = c·square + b·gram, and a on the diagonal: what X is multiplied by.
Outcome Polynomial(const Call& call, Message& message, const float* gram, float* square, int64_t side) {
  return ForElements(call, message, side * side, [=] __device__(int64_t i) {
    const float diagonal = i % (side + 1) == 0 ? kMuonA : 0;
    square[i] = kMuonC * square[i] + kMuonB * gram[i] + diagonal;
  });
}

Outcome Descend(const Call& call, Message& message, const Sizes& sizes, Step step, double decay, const float* direction,
                float* parameter) {
  const double longer = static_cast<double>(sizes.rows) / static_cast<double>(sizes.columns);
  const double factor = longer > 1 ? std::sqrt(longer) : 1;
  return ForElements(call, message, sizes.elements(), [=] __device__(int64_t i) {
    const double rate = *step.rate;
    const float keep = static_cast<float>(1 - rate * decay);
    parameter[i] = parameter[i] * keep - static_cast<float>(rate * factor) * direction[i];
  });
}

// One matrix's step.
Outcome Turn(const Call& call, Message& message, const Room& room, Step step, const Sizes& sizes, const float* gradient,
             float* m, float* parameter) {
  const MuonParams& params = call.params->as<MuonParams>();
  auto* sums = static_cast<double*>(call.scratch);
  float *x = reinterpret_cast<float*>(sums + room.sums), *y = x + room.matrix;
  float *gram = y + room.matrix, *square = gram + room.square, *parts = square + room.square;
  const Grid chunks = {sizes.chunks(), kThreads};
  Outcome outcome =
      Launch(call, message, chunks, DirectionKernel, call.control, step, gradient, sizes.elements(), m, x, sums);
  const auto then = [&](auto&& next) {
    if (outcome == Outcome::kOk) outcome = next();
  };
  then([&] {
    return Launch(call, message, chunks, NormalizeKernel, call.control, sums, sizes.chunks(), sizes.elements(), x);
  });
  for (int64_t iteration = 0; iteration < params.iterations; ++iteration) {
    then([&] { return Multiply(call, message, sizes.Gram(x, gram), parts); });
    then([&] { return Multiply(call, message, sizes.Square(gram, square), parts); });
    then([&] { return Polynomial(call, message, gram, square, sizes.side); });
    then([&] { return Multiply(call, message, sizes.Apply(square, x, y), parts); });
    std::swap(x, y);
  }
  then([&] { return Descend(call, message, sizes, step, params.weight_decay, x, parameter); });
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
  const Step step = {Input<float>(call, 0), Input<float>(call, 1), Input<float>(call, 2)};
  Room room;
  for (size_t i = 0; i < n; ++i) room.Add(Sizes(OutputShape(call, i)));
  for (size_t i = 0; i < n; ++i) {
    const Outcome outcome = Turn(call, message, room, step, Sizes(OutputShape(call, i)), Input<float>(call, 3 + n + i),
                                 Output<float>(call, n + i), Output<float>(call, i));
    if (outcome != Outcome::kOk) return outcome;
  }
  return Outcome::kOk;
}

}  // namespace nano::cuda
