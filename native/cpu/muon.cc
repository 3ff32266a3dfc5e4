// muon: updates one matrix after the other, with products that are split over all threads. No
// matrix is transposed: with more rows than columns it uses XᵀX instead of X·Xᵀ and multiplies by
// the polynomial from the right instead of the left.
#include "ops/muon.h"

#include "cpu/finite.h"
#include "cpu/gemm.h"
#include "cpu/kernels.h"
#include "cpu/loops.h"
#include "cpu/squares.h"

namespace nano::cpu::NANO_ISA {
namespace {

struct Sizes {
  int64_t rows, columns, side;  // side: the shorter one, the size of XᵀX or X·Xᵀ
  bool tall;

  NANO_INLINE explicit Sizes(const TensorSpec& spec)
      : rows(spec.shape.dims[0]), columns(spec.shape.dims[1]), side(Smaller(rows, columns)), tall(rows > columns) {}

  NANO_INLINE int64_t elements() const { return rows * columns; }

  // X·Xᵀ or XᵀX.
  NANO_INLINE Gemm Gram(const float* x, float* gram) const {
    Gemm product{};
    product.m = product.n = side, product.k = Larger(rows, columns);
    product.a = tall ? Matrix{x, 1, columns} : Matrix{x, columns, 1};
    product.b = tall ? Matrix{x, columns, 1} : Matrix{x, 1, columns};
    product.c = gram, product.c_row = side;
    return product;
  }

  NANO_INLINE Gemm Square(const float* gram, float* square) const {
    Gemm product{};
    product.m = product.n = product.k = side;
    product.a = product.b = Matrix{gram, side, 1};
    product.c = square, product.c_row = side;
    return product;
  }

  // polynomial·X or X·polynomial.
  NANO_INLINE Gemm Apply(const float* polynomial, const float* x, float* y) const {
    const Matrix matrix = {polynomial, side, 1}, self = {x, columns, 1};
    Gemm product{};
    product.m = rows, product.n = columns, product.k = side;
    product.a = tall ? self : matrix;
    product.b = tall ? matrix : self;
    product.c = y, product.c_row = columns;
    return product;
  }
};

NANO_INLINE size_t RoomFor(const Gemm& x, int threads) {
  return MultiplyScratch(x.m, x.n, x.k, x.a.column != 1, threads);
}

// The parts of the scratch memory, each large enough for every matrix. The scratch of the products
// comes last.
struct Room {
  int64_t sums = 0, matrix = 0, square = 0;  // in floats, whole cache lines
  size_t products = 0;                       // in bytes

  NANO_INLINE void Add(const Sizes& sizes, int threads) {
    sums = Larger(sums, RoundUp(2 * DivideUp(sizes.elements(), kChunk), kLine));
    matrix = Larger(matrix, RoundUp(sizes.elements(), kLine));
    square = Larger(square, RoundUp(sizes.side * sizes.side, kLine));
    const Gemm each_product[] = {sizes.Gram(nullptr, nullptr), sizes.Square(nullptr, nullptr),
                                 sizes.Apply(nullptr, nullptr, nullptr)};
    for (const Gemm& each : each_product) {
      const size_t bytes = RoomFor(each, threads);
      if (bytes > products) products = bytes;
    }
  }

  NANO_INLINE int64_t floats() const { return sums + 2 * matrix + 2 * square; }
};

// m = momentum·m + g and then x = g + momentum·m, with g = scale·gradient. Returns the sum of the
// squares of x.
double Direction(F8 momentum, F8 scale, const float* gradient, float* m, float* x, int64_t count) {
  for (int64_t i = 0; i < count; i += 8) {
    const int64_t lanes = Smaller(8, count - i);
    const F8 g = LoadLanes(gradient + i, lanes) * scale;
    const F8 new_m = momentum * LoadLanes(m + i, lanes) + g;
    StoreLanes(m + i, lanes, new_m);
    StoreLanes(x + i, lanes, g + momentum * new_m);
  }
  return SumOfSquares(x, count);
}

// square = a·I + b·gram + c·square, by which X is multiplied.
void Polynomial(const float* gram, float* square, int64_t side, Pool* pool) {
  ForChunks(pool, side, RowsInChunk(side), [&](int64_t begin, int64_t end) {
    Map(gram + begin * side, square + begin * side, square + begin * side, (end - begin) * side,
        [](F8 a, F8 aa) { return MulAdd(Set(kMuonC), aa, Set(kMuonB) * a); });
    for (int64_t i = begin; i < end; ++i) square[i * side + i] += kMuonA;
  });
}

}  // namespace

size_t ScratchMuon(const OpView& op, const Params&, int threads) {
  Room room;
  for (size_t i = 0; i < op.outputs.size() / 2; ++i) room.Add(Sizes(op.outputs[i]), threads);
  return static_cast<size_t>(room.floats()) * sizeof(float) + room.products;
}

InputError RunMuon(const Call& call) {
  const MuonParams& params = call.params->as<MuonParams>();
  const double rate = *call.inputs[0].f32();
  const F8 momentum = Set(*call.inputs[1].f32()), scale = Set(*call.inputs[2].f32());
  const F8 keep = Set(static_cast<float>(1 - rate * params.weight_decay));
  const size_t n = call.outputs.size() / 2;
  Room room;
  for (size_t i = 0; i < n; ++i) room.Add(Sizes(*call.outputs[i].spec), 1);
  double* sums = reinterpret_cast<double*>(call.scratch);
  float* matrices = reinterpret_cast<float*>(call.scratch) + room.sums;
  float *gram = matrices + 2 * room.matrix, *square = gram + room.square;
  std::byte* products = reinterpret_cast<std::byte*>(square + room.square);
  FiniteFlags flags;
  for (size_t i = 0; i < n; ++i) {
    const Sizes sizes(*call.outputs[i].spec);
    const float* gradient = call.inputs[3 + n + i].f32();
    float *parameter = call.outputs[i].f32(), *m = call.outputs[n + i].f32();
    float *x = matrices, *y = matrices + room.matrix;
    const int64_t elements = sizes.elements();
    ForChunks(call.pool, elements, kChunk, [&](int64_t begin, int64_t end) {
      sums[begin / kChunk] = Direction(momentum, scale, gradient + begin, m + begin, x + begin, end - begin);
    });
    double sum = 0;
    for (int64_t j = 0; j < DivideUp(elements, kChunk); ++j) sum += sums[j];
    const F8 inverse = Set(static_cast<float>(1 / (sqrt(sum) + kMuonSmallest)));
    ForChunks(call.pool, elements, kChunk, [&](int64_t begin, int64_t end) {
      Map(x + begin, x + begin, end - begin, [&](F8 u) { return u * inverse; });
    });
    for (int64_t iteration = 0; iteration < params.iterations; ++iteration) {
      Multiply(sizes.Gram(x, gram), products, call.pool);
      Multiply(sizes.Square(gram, square), products, call.pool);
      Polynomial(gram, square, sizes.side, call.pool);
      Multiply(sizes.Apply(square, x, y), products, call.pool);
      float* old = x;
      x = y, y = old;
    }
    const double longer = static_cast<double>(sizes.rows) / static_cast<double>(sizes.columns);
    const F8 step = Set(static_cast<float>(rate * (longer > 1 ? sqrt(longer) : 1)));
    // If m is not finite, the direction is NaN, and so is the parameter.
    ForTasks(call.pool, elements, kChunk, [&](int64_t begin, int64_t end, int worker) {
      flags.Note(worker, MapFinite(parameter + begin, x + begin, parameter + begin, end - begin,
                                   [&](F8 p, F8 direction) { return p * keep - step * direction; }));
    });
  }
  return flags.Report(call.outputs);
}

}  // namespace nano::cpu::NANO_ISA
