// Blocked matrix products in the manner of Goto and van de Geijn (2008): b is packed once into panels that all tasks
// read, a used where it stands if the terms of a row lie side by side and packed too otherwise, and a tile of 6 × 16 is
// summed in registers.
#include "cpu/gemm.h"

#include <cstring>

#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
namespace {

// How much is worked on at once. None of these changes a result.
constexpr int64_t kBlockColumns = 8192;             // columns of b packed at once
constexpr int64_t kBlockRows = 8190;                // rows of a, where it is packed
constexpr int64_t kPackedLimit = int64_t{1} << 20;  // floats packed at once, where that is more than kDepth terms
constexpr int64_t kTaskRows = 24 * kTileRows;       // at most; with kDepth terms 216 KiB of a, for a core's own cache
constexpr int64_t kTaskColumns = 24 * kTileColumns;
constexpr int64_t kThinRows = 4;                   // so few rows that packing b would cost more than it brings
constexpr int64_t kFewColumns = 8 * kTileColumns;  // so few that cutting b would

// Products with many terms for a small result are summed in parts. These decide the order of the sum.
constexpr int64_t kSplitDepth = 64, kMostParts = 16, kSplitResult = 8192;

// Where a tile goes.
struct Target {
  float* c;
  int64_t c_row;
  bool add;
  const float* bias;
  bool relu;
};

NANO_INLINE F8 Finish(F8 sum, const Target& target, int64_t j, int64_t lanes) {
  if (target.bias != nullptr) sum = sum + LoadLanes(target.bias + j, lanes);
  if (target.relu) sum = AndNot(LessEqual(sum, Set(0)), sum);
  return sum;
}

template <int kVectors>
NANO_INLINE void StoreRow(const F8* sums, const Target& target, int64_t row, int64_t columns) {
  float* c = target.c + row * target.c_row;
  for (int v = 0; v < kVectors; ++v) {
    const int64_t lanes = Smaller(8, columns - 8 * v);
    F8 sum = sums[v];
    if (target.add) sum = LoadLanes(c + 8 * v, lanes) + sum;
    sum = Finish(sum, target, 8 * v, lanes);
    if (lanes == 8) {
      Store(c + 8 * v, sum);
    } else {
      StoreSome(c + 8 * v, lanes, sum);
    }
  }
}

// The same for all rows of a tile, without asking of each vector what is known of the whole.
template <int kRows, int kVectors>
NANO_INLINE void StoreTile(const F8 (&sums)[kRows][kVectors], const Target& target, int64_t columns) {
  const bool plain = columns == 8 * kVectors && target.bias == nullptr && !target.relu;
  for (int i = 0; i < kRows; ++i) {
    float* c = target.c + i * target.c_row;
    if (plain && target.add) {
      for (int v = 0; v < kVectors; ++v) Store(c + 8 * v, Load(c + 8 * v) + sums[i][v]);
    } else if (plain) {
      for (int v = 0; v < kVectors; ++v) Store(c + 8 * v, sums[i][v]);
    } else {
      StoreRow<kVectors>(sums[i], target, i, columns);
    }
  }
}

// 16 columns of b: rows `step` apart, kTileColumns where it is packed.
struct Panel {
  const float* data;
  int64_t step = kTileColumns;
};

// What is known of the strides of a tile's operands.
enum class Layout { kPacked, kPackedB, kAny };  // kPackedB: b is packed, and a's terms lie side by side

// kRows × (8·kVectors) sums over k terms, in order.
template <int kRows, int kVectors, Layout kLayout>
void Tile(int64_t k, const Matrix& a, const Panel& panel, const Target& target, int64_t columns) {
  const int64_t row = kLayout == Layout::kPacked ? 1 : a.row;
  const int64_t column = kLayout == Layout::kPacked ? kTileRows : kLayout == Layout::kPackedB ? 1 : a.column;
  const int64_t step = kLayout == Layout::kAny ? panel.step : kTileColumns;
  const float* b = panel.data;
  const float* terms = a.data;
  F8 sums[kRows][kVectors];
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < kVectors; ++v) sums[i][v] = Set(0);
  }
  if (kLayout != Layout::kAny) {
    for (int i = 0; i < kRows; ++i) Prefetch(target.c + i * target.c_row);  // what comes after the sums
  }
  for (int64_t p = 0; p < k; ++p, terms += column, b += step) {
    F8 factors[kVectors];
    for (int v = 0; v < kVectors; ++v) factors[v] = Load(b + 8 * v);
    for (int i = 0; i < kRows; ++i) {
      const F8 term = Set(terms[i * row]);
      for (int v = 0; v < kVectors; ++v) sums[i][v] = MulAdd(term, factors[v], sums[i][v]);
    }
  }
  StoreTile(sums, target, columns);
}

template <Layout kLayout>
NANO_INLINE void AnyTile(int64_t rows, int64_t columns, int64_t k, const Matrix& a, const Panel& b,
                         const Target& target) {
  using TileFunction = void (*)(int64_t, const Matrix&, const Panel&, const Target&, int64_t);
  static constexpr TileFunction kTiles[2][kTileRows] = {
      {Tile<1, 1, kLayout>, Tile<2, 1, kLayout>, Tile<3, 1, kLayout>, Tile<4, 1, kLayout>, Tile<5, 1, kLayout>,
       Tile<6, 1, kLayout>},
      {Tile<1, 2, kLayout>, Tile<2, 2, kLayout>, Tile<3, 2, kLayout>, Tile<4, 2, kLayout>, Tile<5, 2, kLayout>,
       Tile<6, 2, kLayout>}};
  kTiles[columns > 8][rows - 1](k, a, b, target, columns);
}

NANO_INLINE Matrix At(const Matrix& m, int64_t i, int64_t j) {
  return {m.data + i * m.row + j * m.column, m.row, m.column};
}

// Panels hold kWidth vectors of k terms, term by term. The terms of a vector lie side by side …
void PackAlong(const float* from, int64_t across, int64_t count, int64_t k, float* to) {
  for (int64_t p = 0; p < k; p += 8) {
    const int64_t terms = Smaller(8, k - p);
    for (int64_t i0 = 0; i0 < kTileColumns; i0 += 8) {
      F8 rows[8];
      for (int64_t i = 0; i < 8; ++i) {
        rows[i] = i0 + i < count ? LoadLanes(from + (i0 + i) * across + p, terms) : Set(0);
      }
      Transpose(rows);
      for (int64_t i = 0; i < terms; ++i) Store(to + (p + i) * kTileColumns + i0, rows[i]);
    }
  }
}

// … or the vectors do: terms [begin, end) for all panels, some at a time, so that memory is read in its order and the
// lines of a panel are written whole.
constexpr int64_t kPackedTogether = 16;
template <int kWidth>
void PackAcross(const float* from, int64_t along, int64_t count, int64_t begin, int64_t end, int64_t panel, float* to) {
  for (int64_t p0 = begin; p0 < end; p0 += kPackedTogether) {
    const int64_t p1 = Smaller(end, p0 + kPackedTogether);
    float* at = to;
    int64_t i = 0;
    for (; i + kWidth <= count; i += kWidth, at += panel) {
      for (int64_t p = p0; p < p1; ++p) {
        std::memcpy(at + p * kWidth, from + p * along + i, kWidth * sizeof(float));
      }
    }
    if (i == count) continue;
    for (int64_t p = p0; p < p1; ++p) {
      float row[(kWidth + 7) / 8 * 8];
      for (int64_t j = 0; j < kWidth; j += 8) {
        Store(row + j, LoadSome(from + p * along + i + j, Larger(0, Smaller(8, count - i - j))));
      }
      std::memcpy(at + p * kWidth, row, kWidth * sizeof(float));
    }
  }
}

// How a product is cut.
struct Blocks {
  int64_t columns;  // of b packed at once
  int64_t rows;     // of a packed at once, or all
  int64_t depth;    // terms packed at once: a multiple of kDepth, or all
};

// Whether a's terms lie far apart, as in the gradient of a weight.
NANO_INLINE bool IsPacked(const Matrix& a) { return a.column != 1; }

NANO_INLINE Blocks BlocksOf(int64_t m, int64_t n, int64_t k, bool packed) {
  const int64_t columns = Smaller(n, kBlockColumns), rows = packed ? Smaller(m, kBlockRows) : m;
  const int64_t floats = RoundUp(columns, kTileColumns) + (packed ? RoundUp(rows, kTileRows) : 0);
  return {columns, rows, Smaller(k, Larger(kDepth, kPackedLimit / floats / kDepth * kDepth))};
}

NANO_INLINE bool IsThin(const Product& x) { return x.m <= kThinRows && x.a.column == 1; }

// What is multiplied at once: rows of a and columns of b, `depth` terms of them.
struct Block {
  int64_t row0, rows, column0, columns, depth0, depth;
  const float *packed_a, *packed_b;
};

// One task's part of it: rows [i0, i1) and columns [j0, j1) of the block.
struct Part {
  int64_t i0, i1, j0, j1;

  NANO_INLINE int64_t tiles() const { return DivideUp(i1 - i0, kTileRows) * DivideUp(j1 - j0, kTileColumns); }
};

// Memory that will be wanted next: fetched a few lines with each tile, so that it comes while the processor multiplies.
struct Ahead {
  const float *next = nullptr, *end = nullptr;
  int64_t lines = 0;  // with each tile

  // One of `tasks` equal shares of `size` floats, for a task of so many tiles.
  static NANO_INLINE Ahead Share(const float* from, int64_t size, int64_t task, int64_t tasks, int64_t tiles) {
    const int64_t share = DivideUp(Larger(0, size), tasks);
    return {from + task * share, from + Smaller(size, (task + 1) * share), DivideUp(share, kLine * tiles)};
  }

  NANO_INLINE void Fetch() {
    for (int64_t i = 0; i < lines && next < end; ++i, next += kLine) PrefetchFar(next);
  }
};

// c over k ≤ kDepth terms from `first` on. kPacked: a is; otherwise it is used where it stands.
template <bool kPacked>
NANO_INLINE void MultiplyDepth(const Product& x, const Block& block, const Part& part, int64_t first, int64_t k,
                               Ahead (&ahead)[2]) {
  const bool last = first + k == x.k;
  const int64_t at = first - block.depth0;
  const Matrix a = kPacked ? Matrix{block.packed_a + part.i0 * block.depth + at * kTileRows, 1, kTileRows}
                           : At(x.a, block.row0 + part.i0, first);
  const int64_t step = kTileRows * (kPacked ? block.depth : a.row);
  for (int64_t j = part.j0; j < part.j1; j += kTileColumns) {
    const int64_t column = block.column0 + j, columns = Smaller(kTileColumns, part.j1 - j);
    const Panel b = {block.packed_b + j * block.depth + at * kTileColumns};
    Target target = {x.c + (block.row0 + part.i0) * x.c_row + column, x.c_row, x.accumulate || first > 0,
                     last && x.bias != nullptr ? x.bias + column : nullptr, last && x.relu};
    Matrix tile = a;
    for (int64_t i = part.i0; i < part.i1; i += kTileRows) {
      for (Ahead& each : ahead) each.Fetch();
      AnyTile<kPacked ? Layout::kPacked : Layout::kPackedB>(Smaller(kTileRows, part.i1 - i), columns, k, tile, b,
                                                            target);
      tile.data += step;
      target.c += kTileRows * x.c_row;
    }
  }
}

// How a block is cut into tasks. They follow the number of threads: what a task computes doesn't depend on its size.
struct Grid {
  int64_t rows, columns, down, across;  // of a task, and tasks

  // At least `wanted` tasks of whole tiles, if there are so many.
  NANO_INLINE Grid(int64_t m, int64_t n, int64_t wanted)
      : rows(RoundUp(DivideUp(m, DivideUp(m, kTaskRows)), kTileRows)), down(DivideUp(m, rows)) {
    const int64_t parts = Larger(DivideUp(n, kTaskColumns), DivideUp(wanted, down));
    columns = RoundUp(DivideUp(n, parts), kTileColumns);
    across = DivideUp(n, columns);
  }

  NANO_INLINE int64_t tasks() const { return down * across; }
  NANO_INLINE Part PartOf(int64_t task, int64_t m, int64_t n) const {
    const int64_t i = task / across * rows, j = task % across * columns;
    return {i, Smaller(m, i + rows), j, Smaller(n, j + columns)};
  }
};

NANO_INLINE int64_t TasksWanted(double m, double n, double k, const Pool* pool) {
  const double terms = m * n * k;
  return pool == nullptr || terms < 2 * kTaskTerms || pool->threads() == 1
             ? 1
             : Smaller(static_cast<int64_t>(terms / kTaskTerms), int64_t{4} * pool->threads());
}

// Packs `depth` terms of `count` rows of a, or of as many columns of b handed over as rows, in tasks.
template <int kWidth>
void PackAll(const Matrix& from, int64_t count, int64_t depth, float* to, Pool* pool) {
  if (from.row == 1) {
    const int64_t terms = RoundUp(DivideUp(2 * kChunk, count), kPackedTogether);
    return ForChunks(pool, depth, terms, [&](int64_t begin, int64_t end) {
      PackAcross<kWidth>(from.data, from.column, count, begin, end, kWidth * depth, to);
    });
  }
  if constexpr (kWidth == kTileColumns) {  // a is used where it stands
    ForChunks(pool, DivideUp(count, kWidth), DivideUp(kChunk, 2 * depth), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin * kWidth; i < end * kWidth; i += kWidth) {
        PackAlong(from.data + i * from.row, from.row, Smaller(kWidth, count - i), depth, to + i * depth);
      }
    });
  }
}

// What is wanted when a task is done: where a is packed its share of the next terms, else the rows of the next task.
template <bool kPacked>
NANO_INLINE void LookAhead(const Product& x, const Block& block, const Grid& grid, int64_t task, const Part& part,
                           Ahead (&ahead)[2]) {
  const int64_t tiles = part.tiles() * DivideUp(block.depth, kDepth);
  if constexpr (kPacked) {
    const int64_t next = block.depth0 + block.depth, terms = Smaller(block.depth, x.k - next);
    const auto share = [&](const float* from, int64_t term) {
      return Ahead::Share(from + next * term, terms * term, task, grid.tasks(), tiles);
    };
    ahead[0] = share(x.a.data, x.a.column);
    if (x.b.column == 1) ahead[1] = share(x.b.data, x.b.row);
  } else if (x.a.row == x.k) {
    const int64_t begin = block.row0 + part.i1, rows = Smaller(x.m - begin, grid.rows);
    ahead[0] = Ahead::Share(x.a.data + begin * x.k, rows * x.k, task % grid.across, grid.across, tiles);
  }
}

template <bool kPacked>
void MultiplyBlock(const Product& x, const Block& block, int64_t wanted, Pool* pool) {
  const Grid grid(block.rows, block.columns, wanted);
  ForTasks(pool, grid.tasks(), 1, [&](int64_t task, int64_t, int) {
    const Part part = grid.PartOf(task, block.rows, block.columns);
    Ahead ahead[2];
    LookAhead<kPacked>(x, block, grid, task, part, ahead);
    for (int64_t p = 0; p < block.depth; p += kDepth) {
      MultiplyDepth<kPacked>(x, block, part, block.depth0 + p, Smaller(kDepth, block.depth - p), ahead);
    }
  });
}

void MultiplyBlocks(const Product& x, float* scratch, Pool* pool) {
  const bool packed = IsPacked(x.a);
  const Blocks blocks = BlocksOf(x.m, x.n, x.k, packed);
  float *packed_b = scratch, *packed_a = scratch + PackedSize(blocks.depth, blocks.columns);
  for (int64_t j = 0; j < x.n; j += blocks.columns) {
    const int64_t columns = Smaller(blocks.columns, x.n - j);
    for (int64_t p = 0; p < x.k; p += blocks.depth) {
      const int64_t depth = Smaller(blocks.depth, x.k - p), wanted = TasksWanted(x.m, columns, depth, pool);
      Pool* used = wanted > 1 ? pool : nullptr;
      const Matrix b = At(x.b, p, j);
      PackAll<kTileColumns>({b.data, b.column, b.row}, columns, depth, packed_b, used);
      for (int64_t i = 0; i < x.m; i += blocks.rows) {
        const Block block = {i, Smaller(blocks.rows, x.m - i), j, columns, p, depth, packed_a, packed_b};
        if (packed) {
          PackAll<kTileRows>(At(x.a, i, p), block.rows, depth, packed_a, used);
          MultiplyBlock<true>(x, block, wanted, used);
        } else {
          MultiplyBlock<false>(x, block, wanted, used);
        }
      }
    }
  }
}

// Thin products: b is read once, where it stands.

NANO_INLINE Target TargetAt(const Product& x, int64_t i, int64_t j) {
  return {x.c + i * x.c_row + j, x.c_row, x.accumulate, x.bias == nullptr ? nullptr : x.bias + j, x.relu};
}

// Columns [j, j + kColumns) of b are contiguous: a sum for each lane, then over the lanes.
template <int kRows, int kColumns>
void ThinDots(const Product& x, int64_t j) {
  const float* b = x.b.data + j * x.b.column;
  F8 sums[kRows][kColumns];
  for (int i = 0; i < kRows; ++i) {
    for (int c = 0; c < kColumns; ++c) sums[i][c] = Set(0);
  }
  const auto step = [&](int64_t p, int64_t lanes) {
    F8 factors[kColumns];
    for (int c = 0; c < kColumns; ++c) factors[c] = LoadLanes(b + c * x.b.column + p, lanes);
    for (int i = 0; i < kRows; ++i) {
      const F8 terms = LoadLanes(x.a.data + i * x.a.row + p, lanes);
      for (int c = 0; c < kColumns; ++c) sums[i][c] = MulAdd(terms, factors[c], sums[i][c]);
    }
  };
  int64_t p = 0;
  for (; p + 8 <= x.k; p += 8) step(p, 8);
  if (p < x.k) step(p, x.k - p);
  for (int i = 0; i < kRows; ++i) {
    if constexpr (kColumns == 8) {
      F8 sum = SumEach(sums[i]);
      StoreRow<1>(&sum, TargetAt(x, i, j), 0, 8);
    } else {
      for (int c = 0; c < kColumns; ++c) {
        const F8 sum = Set(Sum(sums[i][c]));
        StoreRow<1>(&sum, TargetAt(x, i, j + c), 0, 1);
      }
    }
  }
}

// Rows of b are contiguous: `columns` ≤ 16 sums side by side for each row of a.
template <int kRows>
void ThinColumns(const Product& x, int64_t j, int64_t columns) {
  F8 sums[kRows][2];
  for (int i = 0; i < kRows; ++i) sums[i][0] = sums[i][1] = Set(0);
  const int64_t lanes0 = Smaller(8, columns), lanes1 = columns - lanes0;
  const float* b = x.b.data + j;
  for (int64_t p = 0; p < x.k; ++p, b += x.b.row) {
    const F8 factors0 = LoadLanes(b, lanes0), factors1 = LoadLanes(b + lanes0, lanes1);
    for (int i = 0; i < kRows; ++i) {
      const F8 term = Set(x.a.data[i * x.a.row + p]);
      sums[i][0] = MulAdd(term, factors0, sums[i][0]);
      sums[i][1] = MulAdd(term, factors1, sums[i][1]);
    }
  }
  const Target target = TargetAt(x, 0, j);
  for (int i = 0; i < kRows; ++i) {
    if (columns > 8) {
      StoreRow<2>(sums[i], target, i, columns);
    } else {
      StoreRow<1>(sums[i], target, i, columns);
    }
  }
}

template <int kRows>
void ThinRange(const Product& x, int64_t begin, int64_t end) {
  int64_t j = begin;
  if (x.b.row != 1) {
    for (; j < end; j += 16) ThinColumns<kRows>(x, j, Smaller(16, end - j));
    return;
  }
  constexpr int kColumns = kRows == 1 ? 8 : 4;
  for (; j + kColumns <= end; j += kColumns) ThinDots<kRows, kColumns>(x, j);
  for (; j < end; ++j) ThinDots<kRows, 1>(x, j);
}

void MultiplyThin(const Product& x, Pool* pool) {
  constexpr void (*kRanges[])(const Product&, int64_t, int64_t) = {ThinRange<1>, ThinRange<2>, ThinRange<3>,
                                                                   ThinRange<4>};
  if (pool == nullptr) return kRanges[x.m - 1](x, 0, x.n);
  const int64_t columns = RoundUp(DivideUp(8 * kChunk, x.k), kTileColumns);
  ForChunks(pool, x.n, columns, [&](int64_t begin, int64_t end) { kRanges[x.m - 1](x, begin, end); });
}

// Small products: few columns and few terms, so that a is used where it stands, and b too where its rows are panels.

NANO_INLINE bool IsSmall(int64_t n, int64_t k) { return n <= kFewColumns && k <= kDepth; }
NANO_INLINE bool HasPanels(const Matrix& b, int64_t n) { return b.column == 1 && n % kTileColumns == 0; }

// Rows [i0, i1) of c = a·b over k terms.
NANO_INLINE void MultiplyRows(int64_t i0, int64_t i1, int64_t n, int64_t k, const Matrix& a, const Panel& b,
                              int64_t panel, const Target& to) {
  for (int64_t j = 0; j < n; j += kTileColumns) {
    for (int64_t i = i0; i < i1; i += kTileRows) {
      const Target target = {to.c + i * to.c_row + j, to.c_row, to.add, to.bias == nullptr ? nullptr : to.bias + j,
                             to.relu};
      AnyTile<Layout::kAny>(Smaller(kTileRows, i1 - i), Smaller(kTileColumns, n - j), k, At(a, i, 0),
                            {b.data + j / kTileColumns * panel, b.step}, target);
    }
  }
}

void MultiplySmall(const Product& x, float* packed, Pool* pool) {
  const bool in_place = HasPanels(x.b, x.n);
  if (!in_place) Pack(x.b, x.k, x.n, packed);
  const Panel b = in_place ? Panel{x.b.data, x.b.row} : Panel{packed};
  const int64_t panel = in_place ? kTileColumns : kTileColumns * x.k;
  const Target to = {x.c, x.c_row, x.accumulate, x.bias, x.relu};
  const auto rows = [&](int64_t begin, int64_t end) { MultiplyRows(begin, end, x.n, x.k, x.a, b, panel, to); };
  if (pool == nullptr) return rows(0, x.m);
  const double terms = static_cast<double>(x.m) * static_cast<double>(x.n) * static_cast<double>(x.k);
  const int64_t tasks = Larger(1, static_cast<int64_t>(terms / kTaskTerms));
  ForChunks(pool, x.m, RoundUp(DivideUp(x.m, tasks), kTileRows), rows);
}

// The same with many terms for a small result, as for the gradient of a small matrix: parts of the terms are summed
// apart, by who has their rows in his cache, and added in order.

NANO_INLINE bool IsSplit(int64_t m, int64_t n, int64_t k) {
  return n <= kFewColumns && m * n <= kSplitResult && k >= 2 * kSplitDepth && k >= 2 * Larger(m, n) &&
         k <= kSplitDepth * kMostParts * 4;
}
NANO_INLINE int64_t PartDepth(int64_t k) { return RoundUp(Larger(kSplitDepth, DivideUp(k, kMostParts)), kSplitDepth); }

void MultiplySplit(const Product& x, float* scratch, Pool* pool) {
  const int64_t depth = PartDepth(x.k), parts = DivideUp(x.k, depth), size = x.m * x.n;
  float *sums = scratch, *packed = scratch + parts * size;
  const bool in_place = HasPanels(x.b, x.n);
  const auto part = [&](int64_t index, int worker) {
    const int64_t first = index * depth, k = Smaller(depth, x.k - first);
    const Matrix b = At(x.b, first, 0);
    float* room = packed + worker * PackedSize(depth, x.n);
    if (!in_place) Pack(b, k, x.n, room);
    MultiplyRows(0, x.m, x.n, k, At(x.a, 0, first), in_place ? Panel{b.data, b.row} : Panel{room},
                 in_place ? kTileColumns : kTileColumns * k, {sums + index * size, x.n, false, nullptr, false});
  };
  ForTasks(pool, parts, 1, [&](int64_t index, int64_t, int worker) { part(index, worker); });
  for (int64_t i = 0; i < x.m; ++i) {
    const Target to = {x.c + i * x.c_row, x.c_row, x.accumulate, x.bias, x.relu};
    for (int64_t j = 0; j < x.n; j += 8) {
      const int64_t lanes = Smaller(8, x.n - j);
      F8 sum = LoadLanes(sums + i * x.n + j, lanes);
      for (int64_t p = 1; p < parts; ++p) sum = sum + LoadLanes(sums + p * size + i * x.n + j, lanes);
      if (to.add) sum = LoadLanes(to.c + j, lanes) + sum;
      StoreLanes(to.c + j, lanes, Finish(sum, to, j, lanes));
    }
  }
}

}  // namespace

size_t MultiplyScratch(int64_t m, int64_t n, int64_t k, bool across, int threads) {
  int64_t floats;
  if (IsSplit(m, n, k)) {
    floats = DivideUp(k, PartDepth(k)) * m * n + threads * PackedSize(PartDepth(k), n);
  } else if (IsSmall(n, k)) {
    floats = PackedSize(k, n);
  } else {
    const bool packed = across && m > 1;
    const Blocks blocks = BlocksOf(m, n, k, packed);
    floats = PackedSize(blocks.depth, blocks.columns) + (packed ? RoundUp(blocks.rows, kTileRows) * blocks.depth : 0);
  }
  return static_cast<size_t>(floats) * sizeof(float);
}

void Multiply(const Product& x, std::byte* scratch, Pool* pool) {
  if (IsThin(x)) return MultiplyThin(x, pool);
  if (IsSplit(x.m, x.n, x.k)) return MultiplySplit(x, reinterpret_cast<float*>(scratch), pool);
  if (IsSmall(x.n, x.k)) return MultiplySmall(x, reinterpret_cast<float*>(scratch), pool);
  MultiplyBlocks(x, reinterpret_cast<float*>(scratch), pool);
}

void Pack(const Matrix& b, int64_t k, int64_t columns, float* packed) {
  PackAll<kTileColumns>({b.data, b.column, b.row}, columns, k, packed, nullptr);
}

void MultiplyPacked(int64_t m, int64_t n, int64_t k, const Matrix& a, const float* packed, float* c, int64_t c_row,
                    bool accumulate, const Terms& terms) {
  for (int64_t j = 0; j < n; j += kTileColumns) {
    for (int64_t i = 0; i < m; i += kTileRows) {
      const int64_t rows = Smaller(kTileRows, m - i);
      if (j >= terms.column_limit + i + rows - 1) continue;
      const int64_t first = Larger(0, Smaller(k, i - terms.first_limit));
      const int64_t last = Larger(first, Smaller(Smaller(k, terms.used), terms.last_limit + i + rows - 1));
      const Target target = {c + i * c_row + j, c_row, accumulate, nullptr, false};
      const Panel b = {packed + j * k + first * kTileColumns};
      const int64_t columns = Smaller(kTileColumns, n - j);
      if (a.column == 1) {
        AnyTile<Layout::kPackedB>(rows, columns, last - first, At(a, i, first), b, target);
      } else {
        AnyTile<Layout::kAny>(rows, columns, last - first, At(a, i, first), b, target);
      }
    }
  }
}

}  // namespace nano::cpu::NANO_ISA
