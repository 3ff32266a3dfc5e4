// Blocked matrix products in the manner of Goto and van de Geijn (2008): b is packed once into panels that all tasks
// read, a block by block by each task, and a tile of 6 × 16 is summed in registers.
#include "cpu/gemm.h"

#include <cstring>

#include "cpu/loops.h"

namespace nano::cpu::NANO_ISA {
namespace {

// How much is worked on at once. None of these changes a result.
constexpr int64_t kBlockRows = 24 * kTileRows;      // rows of a packed by a task: with kDepth, 144 KiB
constexpr int64_t kBlockColumns = 8192;             // columns of b packed at once
constexpr int64_t kSharedRows = 8190;               // rows of a packed at once where tasks share them
constexpr int64_t kPackedLimit = int64_t{1} << 20;  // floats packed at once, where that is more than kDepth terms
constexpr int64_t kLine = 16;                       // floats in a line of the cache
constexpr int64_t kSharedTaskRows = 16 * kTileRows, kSharedTaskColumns = 24 * kTileColumns;
constexpr int64_t kLeastTaskColumns = 12 * kTileColumns;  // as each column block packs a again
constexpr int64_t kThinRows = 4;                          // so few rows that packing b would cost more than it brings
constexpr int64_t kFewColumns = 8 * kTileColumns;         // so few that packing a would

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

// 16 columns of b: rows `step` apart, kTileColumns where it is packed.
struct Panel {
  const float* data;
  int64_t step = kTileColumns;
};

// kRows × (8·kVectors) sums over k terms, in order. kPacked: a and b are packed, their strides are known.
template <int kRows, int kVectors, bool kPacked>
void Tile(int64_t k, const Matrix& a, const Panel& panel, const Target& target, int64_t columns) {
  const int64_t row = kPacked ? 1 : a.row, column = kPacked ? kTileRows : a.column;
  const int64_t step = kPacked ? kTileColumns : panel.step;
  const float* b = panel.data;
  const float* terms = a.data;
  F8 sums[kRows][kVectors];
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < kVectors; ++v) sums[i][v] = Set(0);
  }
  for (int i = 0; i < kRows; ++i) Prefetch(target.c + i * target.c_row);  // what comes after the sums
  for (int64_t p = 0; p < k; ++p, terms += column, b += step) {
    F8 factors[kVectors];
    for (int v = 0; v < kVectors; ++v) factors[v] = Load(b + 8 * v);
    for (int i = 0; i < kRows; ++i) {
      const F8 term = Set(terms[i * row]);
      for (int v = 0; v < kVectors; ++v) sums[i][v] = MulAdd(term, factors[v], sums[i][v]);
    }
  }
  for (int i = 0; i < kRows; ++i) StoreRow<kVectors>(sums[i], target, i, columns);
}

template <bool kPacked>
NANO_INLINE void AnyTile(int64_t rows, int64_t columns, int64_t k, const Matrix& a, const Panel& b,
                         const Target& target) {
  using TileFunction = void (*)(int64_t, const Matrix&, const Panel&, const Target&, int64_t);
  static constexpr TileFunction kTiles[2][kTileRows] = {
      {Tile<1, 1, kPacked>, Tile<2, 1, kPacked>, Tile<3, 1, kPacked>, Tile<4, 1, kPacked>, Tile<5, 1, kPacked>,
       Tile<6, 1, kPacked>},
      {Tile<1, 2, kPacked>, Tile<2, 2, kPacked>, Tile<3, 2, kPacked>, Tile<4, 2, kPacked>, Tile<5, 2, kPacked>,
       Tile<6, 2, kPacked>}};
  kTiles[columns > 8][rows - 1](k, a, b, target, columns);
}

NANO_INLINE Matrix At(const Matrix& m, int64_t i, int64_t j) {
  return {m.data + i * m.row + j * m.column, m.row, m.column};
}

// Element by element, for strides that nothing else is made for. `width` is the panel's, filled with zeros.
void PackSlowly(const float* from, int64_t across, int64_t along, int64_t count, int64_t width, int64_t k, float* to) {
  for (int64_t p = 0; p < k; ++p) {
    for (int64_t i = 0; i < width; ++i) to[p * width + i] = i < count ? from[i * across + p * along] : 0.0f;
  }
}

// Kinds of panel: kWidth vectors of k terms, of which `count` exist, term by term. The terms of a vector lie side by
// side …
template <int kWidth>
void PackAlong(const float* from, int64_t across, int64_t count, int64_t k, float* to) {
  for (int64_t p = 0; p < k; p += 8) {
    const int64_t terms = Smaller(8, k - p);
    for (int64_t i0 = 0; i0 < kWidth; i0 += 8) {
      F8 rows[8];
      for (int64_t i = 0; i < 8; ++i) {
        rows[i] = i0 + i < Smaller(kWidth, count) ? LoadLanes(from + (i0 + i) * across + p, terms) : Set(0);
      }
      Transpose(rows);
      // With 6 to a panel the two lanes too many are overwritten by the next row, at last by the next panel.
      for (int64_t i = 0; i < terms; ++i) Store(to + (p + i) * kWidth + i0, rows[i]);
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

// Panel after panel, `panel` floats apart.
template <int kWidth>
void PackPanels(const float* from, int64_t across, int64_t along, int64_t count, int64_t k, int64_t panel, float* to) {
  if (across == 1 && along != 1) return PackAcross<kWidth>(from, along, count, 0, k, panel, to);
  for (int64_t i = 0; i < count; i += kWidth, to += panel) {
    const float* start = from + i * across;
    const int64_t vectors = Smaller(kWidth, count - i);
    if (along == 1) {
      PackAlong<kWidth>(start, across, vectors, k, to);
    } else {
      PackSlowly(start, across, along, vectors, kWidth, k, to);
    }
  }
}

// How a product is cut.
struct Blocks {
  int64_t columns;  // of b packed at once
  int64_t rows;     // of a packed at once by all; 0 where each task packs its own
  int64_t depth;    // terms packed at once: a multiple of kDepth, or all
};

// A task packs its rows of a where they lie one behind the other. Where a's terms do, as in the gradient of a weight,
// such a piece of a would be many short ones: a is packed by all, row by row of memory, as b is.
NANO_INLINE Blocks BlocksOf(int64_t m, int64_t n, int64_t k, bool shared) {
  const int64_t columns = Smaller(n, kBlockColumns), rows = shared ? Smaller(m, kSharedRows) : 0;
  const int64_t depth = kPackedLimit / (RoundUp(columns, kTileColumns) + RoundUp(rows, kTileRows)) / kDepth * kDepth;
  return {columns, rows, Smaller(k, Larger(kDepth, depth))};
}
NANO_INLINE bool IsShared(const Matrix& a) { return a.row == 1 && a.column != 1; }

constexpr int64_t kPackedRowsSize = kBlockRows * kDepth + 16;  // and room for PackAlong's two lanes too many

NANO_INLINE bool IsThin(const Product& x) {
  return x.m <= kThinRows && x.a.column == 1 && (x.b.row == 1 || x.b.column == 1);
}

// What is multiplied at once: `columns` columns of b and `depth` terms, packed.
struct Block {
  int64_t column0, columns, depth0, depth;
  const float* packed_b;
};

// One task's part of it: rows [i0, i1) and columns [j0, j1) of the block.
struct Part {
  int64_t i0, i1, j0, j1;
};

// Memory that will be packed next: fetched a few lines with each tile, so that it comes while the processor multiplies.
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

// Adds kDepth terms, or fewer, from `first` on; packed_a has `step` floats from panel to panel.
NANO_INLINE void MultiplyDepth(const Product& x, const Block& block, const Part& part, int64_t first, int64_t k,
                               const float* packed_a, int64_t step, Ahead (&ahead)[2]) {
  const bool last = first + k == x.k;
  const int64_t rows = part.i1 - part.i0;
  for (int64_t j = part.j0; j < part.j1; j += kTileColumns) {
    const float* b = block.packed_b + j * block.depth + (first - block.depth0) * kTileColumns;
    const int64_t column = block.column0 + j;
    const float* a = packed_a;
    for (int64_t i = 0; i < rows; i += kTileRows, a += step) {
      const Target target = {x.c + (part.i0 + i) * x.c_row + column, x.c_row, x.accumulate || first > 0,
                             last && x.bias != nullptr ? x.bias + column : nullptr, last && x.relu};
      ahead[0].Fetch();
      ahead[1].Fetch();
      AnyTile<true>(Smaller(kTileRows, rows - i), Smaller(kTileColumns, part.j1 - j), k, {a, 1, kTileRows}, {b},
                    target);
    }
  }
}

// Calls body(first, k) for each kDepth terms of the block.
template <class Body>
NANO_INLINE void ForDepth(const Block& block, const Body& body) {
  for (int64_t p = 0; p < block.depth; p += kDepth) body(block.depth0 + p, Smaller(kDepth, block.depth - p));
}

// How a block is cut into tasks. They follow the number of threads: what a task computes doesn't depend on its size.
struct Grid {
  int64_t rows, columns, down, across;  // of a task, and tasks

  NANO_INLINE Grid(int64_t m, int64_t n, int64_t task_rows, int64_t task_columns)
      : rows(task_rows), columns(task_columns), down(DivideUp(m, rows)), across(DivideUp(n, columns)) {}

  NANO_INLINE int64_t tasks() const { return down * across; }
  NANO_INLINE int64_t IndexOf(const Part& part) const { return part.i0 / rows * across + part.j0 / columns; }

  // body(part, worker) for each.
  template <class Body>
  NANO_INLINE void Run(int64_t m, int64_t n, Pool* pool, const Body& body) const {
    ForTasks(pool, tasks(), 1, [&](int64_t task, int64_t, int worker) {
      const int64_t i = task / across * rows, j = task % across * columns;
      body(Part{i, Smaller(m, i + rows), j, Smaller(n, j + columns)}, worker);
    });
  }
};

NANO_INLINE int64_t TasksWanted(double m, double n, double k, const Pool* pool) {
  const double terms = m * n * k;
  return pool == nullptr || terms < 2 * kTaskTerms || pool->threads() == 1
             ? 1
             : Smaller(static_cast<int64_t>(terms / kTaskTerms), int64_t{4} * pool->threads());
}

// Tasks of whole tiles, about `wanted` of them, with at most `most_rows` rows.
NANO_INLINE Grid GridOf(int64_t m, int64_t n, int64_t wanted, int64_t most_rows, int64_t least_columns) {
  const int64_t row_blocks =
      DivideUp(m, Larger(kTileRows, Smaller(most_rows, RoundUp(DivideUp(m, wanted), kTileRows))));
  const int64_t column_blocks = Larger(1, Smaller(DivideUp(wanted, row_blocks), n / least_columns));
  return Grid(m, n, RoundUp(DivideUp(m, row_blocks), kTileRows), RoundUp(DivideUp(n, column_blocks), kTileColumns));
}

// The same where a is packed already: as square as can be, as then the least is read.
NANO_INLINE Grid SharedGrid(int64_t m, int64_t n, int64_t wanted) {
  const int64_t task_rows = Smaller(RoundUp(m, kTileRows), kSharedTaskRows), down = DivideUp(m, task_rows);
  const int64_t across = Larger(DivideUp(n, kSharedTaskColumns), DivideUp(wanted, down));
  return Grid(m, n, RoundUp(DivideUp(m, down), kTileRows), RoundUp(DivideUp(n, across), kTileColumns));
}

// Packs `count` rows of a, or columns of b given as such, of `depth` terms each into panels of kWidth, in tasks.
template <int kWidth>
void PackShared(const Matrix& from, int64_t count, int64_t depth, float* to, Pool* pool) {
  const int64_t across = from.row, along = from.column;
  if (across == 1 && along != 1) {
    const auto pack = [&](int64_t begin, int64_t end) {
      PackAcross<kWidth>(from.data, along, count, begin, end, kWidth * depth, to);
    };
    return ForChunks(pool, depth, RoundUp(DivideUp(8 * kChunk, count), kPackedTogether), pack);
  }
  ForChunks(pool, count, RoundUp(DivideUp(8 * kChunk, depth), kWidth), [&](int64_t begin, int64_t end) {
    PackPanels<kWidth>(from.data + begin * across, across, along, end - begin, depth, kWidth * depth,
                       to + begin * depth);
  });
}

// c by a block of which each task packs its own rows of a.
void MultiplyRowBlocks(const Product& x, const Block& block, int64_t wanted, float* packed_a, Pool* pool) {
  const Grid grid = GridOf(x.m, block.columns, wanted, kBlockRows, kLeastTaskColumns);
  grid.Run(x.m, block.columns, pool, [&](const Part& part, int worker) {
    float* own = packed_a + worker * kPackedRowsSize;
    const int64_t tiles = DivideUp(part.i1 - part.i0, kTileRows) * DivideUp(part.j1 - part.j0, kTileColumns) *
                          DivideUp(block.depth, kDepth);
    Ahead ahead[2];  // the rows of the next task
    if (x.a.column == 1 && x.a.row == x.k && part.i1 < x.m) {
      ahead[0] = Ahead::Share(x.a.data + part.i1 * x.a.row, (Smaller(x.m, part.i1 + grid.rows) - part.i1) * x.a.row, 0,
                              1, tiles);
    }
    ForDepth(block, [&](int64_t first, int64_t k) {
      const Matrix a = At(x.a, part.i0, first);
      PackPanels<kTileRows>(a.data, a.row, a.column, part.i1 - part.i0, k, k * kTileRows, own);
      MultiplyDepth(x, block, part, first, k, own, k * kTileRows, ahead);
    });
  });
}

// The same where all pack a: its rows [row0, row0 + rows) of the block.
void MultiplyShared(const Product& x, const Block& block, int64_t row0, int64_t rows, int64_t wanted, float* packed_a,
                    Pool* pool) {
  const Matrix a = At(x.a, row0, block.depth0);
  PackShared<kTileRows>(a, rows, block.depth, packed_a, pool);
  const Grid grid = SharedGrid(rows, block.columns, wanted);
  const int64_t next = block.depth0 + block.depth, terms = Smaller(block.depth, x.k - next);
  grid.Run(rows, block.columns, pool, [&](const Part& part, int) {
    const int64_t tiles = DivideUp(part.i1 - part.i0, kTileRows) * DivideUp(part.j1 - part.j0, kTileColumns) *
                          DivideUp(block.depth, kDepth);
    const int64_t task = grid.IndexOf(part), tasks = grid.tasks();
    Ahead ahead[2] = {Ahead::Share(x.a.data + next * x.a.column, terms * x.a.column, task, tasks, tiles), {}};
    if (x.b.column == 1) ahead[1] = Ahead::Share(x.b.data + next * x.b.row, terms * x.b.row, task, tasks, tiles);
    ForDepth(block, [&](int64_t first, int64_t k) {
      const float* own = packed_a + part.i0 * block.depth + (first - block.depth0) * kTileRows;
      MultiplyDepth(x, block, {row0 + part.i0, row0 + part.i1, part.j0, part.j1}, first, k, own,
                    block.depth * kTileRows, ahead);
    });
  });
}

void MultiplyBlocks(const Product& x, float* scratch, Pool* pool) {
  const bool shared = IsShared(x.a);
  const Blocks blocks = BlocksOf(x.m, x.n, x.k, shared);
  float *packed_b = scratch, *packed_a = scratch + PackedSize(blocks.depth, blocks.columns);
  for (int64_t column0 = 0; column0 < x.n; column0 += blocks.columns) {
    for (int64_t depth0 = 0; depth0 < x.k; depth0 += blocks.depth) {
      const Block block = {column0, Smaller(blocks.columns, x.n - column0), depth0, Smaller(blocks.depth, x.k - depth0),
                           packed_b};
      const int64_t wanted = TasksWanted(x.m, block.columns, block.depth, pool);
      Pool* used = wanted > 1 ? pool : nullptr;
      const Matrix b = At(x.b, depth0, column0);
      PackShared<kTileColumns>({b.data, b.column, b.row}, block.columns, block.depth, packed_b, used);
      if (!shared) MultiplyRowBlocks(x, block, wanted, packed_a, used);
      for (int64_t row0 = 0; row0 < x.m && shared; row0 += blocks.rows) {
        MultiplyShared(x, block, row0, Smaller(blocks.rows, x.m - row0), wanted, packed_a, used);
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
      AnyTile<false>(Smaller(kTileRows, i1 - i), Smaller(kTileColumns, n - j), k, At(a, i, 0),
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
    const bool shared = across && m > 1;
    const Blocks blocks = BlocksOf(m, n, k, shared);
    floats = PackedSize(blocks.depth, blocks.columns) +
             (shared ? RoundUp(blocks.rows, kTileRows) * blocks.depth : threads * kPackedRowsSize);
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
  PackPanels<kTileColumns>(b.data, b.column, b.row, columns, k, k * kTileColumns, packed);
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
      AnyTile<false>(rows, Smaller(kTileColumns, n - j), last - first, At(a, i, first),
                     {packed + j * k + first * kTileColumns}, target);
    }
  }
}

}  // namespace nano::cpu::NANO_ISA
