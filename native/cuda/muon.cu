// muon: updates one matrix after another. No matrix is transposed: if it has more rows than
// columns, XᵀX takes the place of X·Xᵀ, and the polynomial is multiplied from the right.
#include <algorithm>
#include <cmath>

#include "cuda/gemm.cuh"
#include "cuda/kernels.h"
#include "cuda/rows.cuh"
#include "ops/muon.h"

namespace nano::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = 8192;  // elements per block

struct Sizes {
  int64_t rows, columns, side;  // side: the smaller of both, and the size of XᵀX or X·Xᵀ
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

// The parts of the scratch, large enough for each matrix. Sizes are in elements, rounded up to a
// multiple of 16.
struct Room {
  int64_t sums = 0, matrix = 0, square = 0;
  size_t product = 0;  // bytes of scratch for the matrix products

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

// The scalar inputs of a step.
struct Step {
  const float *rate, *momentum, *scale;
};

// m = momentum·m + g and then x = g + momentum·m, with g = scale·gradient. A block also sums the
// squares of its chunk of x. `output`: the number of m among the op's outputs.
__global__ void __launch_bounds__(kThreads)
    DirectionKernel(Control* control, int64_t output, Step step, const float* gradient, int64_t n, float* m, float* x,
                    double* sums) {
  __shared__ double room[kThreads / kWarp];
  if (Stopped(control)) return;
  const float momentum = *step.momentum, scale = *step.scale;
  const int64_t begin = blockIdx.x * kChunk, end = begin + kChunk < n ? begin + kChunk : n;
  double sum = 0;
  bool not_finite = false;  // an element of m
  for (int64_t i = begin + 4 * static_cast<int64_t>(threadIdx.x); i < end; i += 4 * kThreads) {
    Four g = LoadFour(gradient, i, end, 0), old = LoadFour(m, i, end, 0);
    for (int j = 0; j < 4; ++j) {
      g.v[j] *= scale;
      old.v[j] = momentum * old.v[j] + g.v[j];
      if (old.v[j] - old.v[j] != 0 && i + j < end) not_finite = true;
      g.v[j] += momentum * old.v[j];
      sum += static_cast<double>(g.v[j]) * g.v[j];
    }
    StoreFour(m, i, end, old);
    StoreFour(x, i, end, g);
  }
  if (not_finite) NoteNotFinite(control, output);
  sum = BlockReduce<kThreads>(sum, room, Add());
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// Divides x by its norm. Each block adds the sums of all chunks itself, instead of waiting for
// another kernel.
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

// square = c·square + b·gram + a·I: the polynomial that X is multiplied by.
Outcome Polynomial(const Call& call, Message& message, const float* gram, float* square, int64_t side) {
  return ForElements(call, message, side * side, [=] __device__(int64_t i) {
    const float diagonal = i % (side + 1) == 0 ? kMuonA : 0;
    square[i] = kMuonC * square[i] + kMuonB * gram[i] + diagonal;
  });
}

Outcome Descend(const Call& call, Message& message, size_t index, const Sizes& sizes, Step step, double decay,
                const float* direction) {
  float* const parameter = Output<float>(call, index);
  Control* const control = call.control;
  const double longer = static_cast<double>(sizes.rows) / static_cast<double>(sizes.columns);
  const double factor = longer > 1 ? std::sqrt(longer) : 1;
  return ForElements(call, message, sizes.elements(), [=] __device__(int64_t i) {
    const double rate = *step.rate;
    const float keep = static_cast<float>(1 - rate * decay);
    const float updated = parameter[i] * keep - static_cast<float>(rate * factor) * direction[i];
    parameter[i] = updated;
    if (updated - updated != 0) NoteNotFinite(control, static_cast<int64_t>(index));
  });
}

// Updates the matrix of this index.
Outcome Turn(const Call& call, Message& message, const Room& room, Step step, size_t index) {
  const size_t n = call.output_count / 2;
  const Sizes sizes(OutputShape(call, index));
  const auto* gradient = Input<const float>(call, 3 + n + index);
  auto* m = Output<float>(call, n + index);
  const MuonParams& params = call.params->as<MuonParams>();
  auto* sums = static_cast<double*>(call.scratch);
  float *x = reinterpret_cast<float*>(sums + room.sums), *y = x + room.matrix;
  float *gram = y + room.matrix, *square = gram + room.square, *parts = square + room.square;
  const Grid chunks = {sizes.chunks(), kThreads};
  Outcome outcome = Launch(call, message, chunks, DirectionKernel, call.control, static_cast<int64_t>(n + index), step,
                           gradient, sizes.elements(), m, x, sums);
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
  then([&] { return Descend(call, message, index, sizes, step, params.weight_decay, x); });
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
    const Outcome outcome = Turn(call, message, room, step, i);
    if (outcome != Outcome::kOk) return outcome;
  }
  return ReportNotFinite(call, message);
}

}  // namespace nano::cuda
