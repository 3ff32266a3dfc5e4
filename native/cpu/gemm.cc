// Blocked matrix products after Goto and van de Geijn (2008). b is packed once into panels that all
// tasks read. a is used in place if the terms of each row are contiguous, and packed too otherwise.
// A tile of 6 × 16 is summed in registers.
#include "cpu/gemm.h"

#include <cstring>
#include <utility>

#include "cpu/loops.h"

#ifdef NANO_BLAS
#include "cpu/blas.h"
#endif

namespace nano::cpu::NANO_ISA {
namespace {

// Block sizes. None of these changes a result.
constexpr int64_t kBlockColumns = 2048;              // columns of b packed at once
constexpr int64_t kPackedLimit = int64_t{1} << 20;   // floats of b packed at once, if they hold more than kDepth terms
constexpr int64_t kStripRows = 512;                  // max rows for which a task packs its own columns of b
constexpr int64_t kStripColumns = 6 * kTileColumns;  // columns that it packs at once
constexpr int64_t kPartColumns = 48 * kTileColumns;  // columns of b that a part packs at once
constexpr int64_t kTaskRows = 24 * kTileRows;  // maximum; with kDepth terms 216 KiB of a, for a core's private cache
constexpr int64_t kTaskColumns = 24 * kTileColumns;
constexpr int64_t kGridTries = 4;                  // task counts to try, down and across
constexpr int64_t kFetchDepth = 64;                // minimum terms for which a small product prefetches its outputs
constexpr int64_t kThinRows = 8;                   // max rows for which packing b costs more than it saves
constexpr int64_t kThinRowsAcross = 4;             // the same if the rows of b are contiguous, not its columns
constexpr int64_t kThinColumns = 24;               // columns of a thin product whose lanes are summed together
constexpr int64_t kFewColumns = 8 * kTileColumns;  // max columns for which splitting b costs more than it saves

// Products with many terms and a small result are summed in parts. These constants decide the order
// of the sum.
constexpr int64_t kSplitDepth = 64, kMostParts = 16, kSplitResult = 8192;
constexpr int64_t kMostSums = int64_t{12} << 20;  // maximum floats of all parts' results

// The destination of a tile.
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

// Prefetches the rows of a tile's output, which are used after its sums.
NANO_INLINE void Fetch(const Target& target, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) Prefetch(target.c + i * target.c_row);
}

// Calls body(i, v) for the rows and vectors of a tile. The indices are compile-time constants. With
// variables, compilers keep an array of sums in memory rather than in registers.
template <int kNumber>
struct Constant {
  NANO_INLINE constexpr operator int() const { return kNumber; }
};
template <int kVectors, int... kNumbers, class Body>
NANO_INLINE void ForNumbers(std::integer_sequence<int, kNumbers...>, const Body& body) {
  (body(Constant<kNumbers / kVectors>(), Constant<kNumbers % kVectors>()), ...);
}
template <int kRows, int kVectors, class Body>
NANO_INLINE void ForEach(const Body& body) {
  ForNumbers<kVectors>(std::make_integer_sequence<int, kRows * kVectors>(), body);
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

// Stores all rows of a tile. Tests the conditions once for the tile rather than for each vector.
template <int kRows, int kVectors>
NANO_INLINE void StoreTile(const F8 (&sums)[kRows][kVectors], const Target& target, int64_t columns) {
  float* c = target.c;
  const int64_t c_row = target.c_row;
  if (columns < 8 * kVectors || target.bias != nullptr || target.relu) {
    F8 rows[kRows][kVectors];
    ForEach<kRows, kVectors>([&](auto i, auto v) { rows[i][v] = sums[i][v]; });
    for (int i = 0; i < kRows; ++i) StoreRow<kVectors>(rows[i], target, i, columns);
  } else if (target.add) {
    ForEach<kRows, kVectors>(
        [&](auto i, auto v) { Store(c + i * c_row + 8 * v, Load(c + i * c_row + 8 * v) + sums[i][v]); });
  } else {
    ForEach<kRows, kVectors>([&](auto i, auto v) { Store(c + i * c_row + 8 * v, sums[i][v]); });
  }
}

// 16 columns of b. Consecutive rows are `step` floats apart, which is kTileColumns if b is packed.
struct Panel {
  const float* data;
  int64_t step = kTileColumns;
};

// The guarantees about the strides of a tile's operands.
enum class Layout { kPacked, kPackedB, kAny };  // kPackedB: b is packed and the terms of each row of a are contiguous

// Computes kRows × (8·kVectors) sums over k terms, in order.
template <int kRows, int kVectors, Layout kLayout>
void Tile(int64_t k, const Matrix& a, const Panel& panel, const Target& target, int64_t columns) {
  const int64_t row = kLayout == Layout::kPacked ? 1 : a.row;
  const int64_t column = kLayout == Layout::kPacked ? kTileRows : kLayout == Layout::kPackedB ? 1 : a.column;
  const int64_t step = kLayout == Layout::kAny ? panel.step : kTileColumns;
  const float* b = panel.data;
  const float* terms = a.data;
  F8 sums[kRows][kVectors];
  ForEach<kRows, kVectors>([&](auto i, auto v) { sums[i][v] = Set(0); });
  if (kLayout != Layout::kAny) Fetch(target, kRows);
  for (int64_t p = 0; p < k; ++p, terms += column, b += step) {
    F8 factors[kVectors];
    ForEach<1, kVectors>([&](auto, auto v) { factors[v] = Load(b + 8 * v); });
    ForEach<kRows, 1>([&](auto i, auto) {
      const F8 term = Set(terms[i * row]);
      ForEach<1, kVectors>([&](auto, auto v) { sums[i][v] = MulAdd(term, factors[v], sums[i][v]); });
    });
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

// Packing. A panel holds kTileColumns or kWidth vectors of `depth` terms, stored term by term. Both
// functions pack terms [begin, end) of `count` vectors. In PackAlong the terms of a vector are
// contiguous in memory.
void PackAlong(const float* from, int64_t across, int64_t count, int64_t begin, int64_t end, int64_t depth, float* to) {
  for (int64_t j = 0; j < count; j += kTileColumns) {
    for (int64_t p = begin; p < end; p += 8) {
      const int64_t terms = Smaller(8, end - p);
      for (int64_t j0 = j; j0 < j + kTileColumns; j0 += 8) {
        F8 rows[8];
        const float* at = from + j0 * across + p;
        float* panel = to + j * depth + p * kTileColumns + j0 - j;
        if (terms == 8 && j0 + 8 <= count) {
          for (int64_t i = 0; i < 8; ++i) rows[i] = Load(at + i * across);
          Transpose(rows);
          for (int64_t i = 0; i < 8; ++i) Store(panel + i * kTileColumns, rows[i]);
        } else {
          for (int64_t i = 0; i < 8; ++i) rows[i] = j0 + i < count ? LoadLanes(at + i * across, terms) : Set(0);
          Transpose(rows);
          for (int64_t i = 0; i < terms; ++i) Store(panel + i * kTileColumns, rows[i]);
        }
      }
    }
  }
}

// In PackAcross the vectors are contiguous for each term. It packs a few terms of all panels at a
// time, so that memory is read in order and whole cache lines of a panel are written.
constexpr int64_t kPackedTogether = 16;
template <int kWidth>
void PackAcross(const float* from, int64_t along, int64_t count, int64_t begin, int64_t end, int64_t depth, float* to) {
  for (int64_t p0 = begin; p0 < end; p0 += kPackedTogether) {
    const int64_t p1 = Smaller(end, p0 + kPackedTogether);
    float* at = to;
    int64_t i = 0;
    for (; i + kWidth <= count; i += kWidth, at += kWidth * depth) {
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

// Packs terms [begin, end) of b into panels of k terms.
void PackPanels(const Matrix& b, int64_t columns, int64_t begin, int64_t end, int64_t k, float* packed) {
  if (b.column == 1) {
    PackAcross<kTileColumns>(b.data, b.row, columns, begin, end, k, packed);
  } else {
    PackAlong(b.data, b.column, columns, begin, end, k, packed);
  }
}

NANO_INLINE bool IsThin(const Gemm& x) {
  return x.a.column == 1 && x.m <= (x.b.row == 1 ? kThinRows : kThinRowsAcross);
}

// A block of the product: rows of a, columns of b and `depth` terms of both.
struct Block {
  int64_t row0, rows, column0, columns, depth0, depth;
  const float *packed_a, *packed_b;
};

// The part of a block that one task computes: rows [i0, i1) and columns [j0, j1).
struct Part {
  int64_t i0, i1, j0, j1;

  NANO_INLINE int64_t tiles() const { return DivideUp(i1 - i0, kTileRows) * DivideUp(j1 - j0, kTileColumns); }
};

// Rows of memory that are needed next. Each tile prefetches a few of their lines, so that they load
// while the processor multiplies.
struct Ahead {
  const float* row = nullptr;
  int64_t stride = 0, width = 0, rows = 0, lines = 0, at = 0;

  // For a task of `tiles` tiles.
  static NANO_INLINE Ahead Of(const float* from, int64_t stride, int64_t width, int64_t rows, int64_t tiles) {
    return {from, stride, width, rows, DivideUp(Larger(0, rows) * DivideUp(width, kLine), tiles)};
  }

  NANO_INLINE void Fetch() {
    for (int64_t i = 0; i < lines && rows > 0; ++i) {
      PrefetchFar(row + at);
      at += kLine;
      if (at < width) continue;
      at = 0, row += stride, --rows;
    }
  }
};

// Computes a part of c over k ≤ kDepth terms from term `first` on. With kPacked, a is packed for
// all terms of the block. Otherwise it is used in place.
template <bool kPacked>
NANO_INLINE void MultiplyDepth(const Gemm& x, const Block& block, const Part& part, int64_t first, int64_t k,
                               Ahead (&ahead)[2]) {
  const bool last = first + k == x.k;
  const int64_t at = first - block.depth0;
  const Matrix a = kPacked ? Matrix{block.packed_a, 1, kTileRows} : At(x.a, block.row0 + part.i0, first);
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

// The split of a block into tasks. It depends on the number of threads, but what is computed for an
// element doesn't depend on the size of a task.
struct Grid {
  int64_t rows, columns, down, across;  // rows and columns per task; number of tasks down and across

  // Makes at least `wanted` tasks of whole tiles, if there are enough tiles. Of the next few task
  // counts it takes the one that `threads` threads finish first.
  Grid(int64_t m, int64_t n, int64_t wanted, int64_t threads) {
    const int64_t tiles_m = DivideUp(m, kTileRows), tiles_n = DivideUp(n, kTileColumns);
    const int64_t least_down = DivideUp(m, kTaskRows), least_across = DivideUp(n, kTaskColumns);
    int64_t best = INT64_MAX;
    for (int64_t i = least_down; i < least_down + kGridTries; ++i) {
      const int64_t least = Larger(least_across, DivideUp(wanted, i));
      for (int64_t j = least; j < least + kGridTries; ++j) {
        const int64_t tile_rows = DivideUp(tiles_m, i), tile_columns = DivideUp(tiles_n, j);
        const int64_t d = DivideUp(tiles_m, tile_rows), a = DivideUp(tiles_n, tile_columns);
        const int64_t time = DivideUp(d * a, threads) * tile_rows * tile_columns;
        if (time >= best) continue;
        best = time;
        rows = tile_rows * kTileRows, columns = tile_columns * kTileColumns, down = d, across = a;
      }
    }
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

void MultiplyBlock(const Gemm& x, const Block& block, int64_t wanted, Pool* pool) {
  const Grid grid(block.rows, block.columns, wanted, pool == nullptr ? 1 : pool->threads());
  ForTasks(pool, grid.tasks(), 1, [&](int64_t task, int64_t, int) {
    const Part part = grid.PartOf(task, block.rows, block.columns);
    // Prefetch this task's share of the rows of a for the tasks below.
    const int64_t share = DivideUp(Smaller(x.m - part.i1, grid.rows), grid.across);
    const int64_t begin = part.i1 + task % grid.across * share;
    Ahead ahead[2] = {Ahead::Of(At(x.a, begin, block.depth0).data, x.a.row, block.depth, Smaller(share, x.m - begin),
                                part.tiles() * DivideUp(block.depth, kDepth))};
    for (int64_t p = 0; p < block.depth; p += kDepth) {
      MultiplyDepth<false>(x, block, part, block.depth0 + p, Smaller(kDepth, block.depth - p), ahead);
    }
  });
}

NANO_INLINE int64_t BlockColumns(int64_t n) { return Smaller(n, kBlockColumns); }
NANO_INLINE int64_t BlockDepth(int64_t n, int64_t k) {
  return Smaller(k, Larger(kDepth, kPackedLimit / RoundUp(BlockColumns(n), kTileColumns) / kDepth * kDepth));
}

void MultiplyBlocks(const Gemm& x, float* packed, Pool* pool) {
  const int64_t block_columns = BlockColumns(x.n), block_depth = BlockDepth(x.n, x.k);
  for (int64_t j = 0; j < x.n; j += block_columns) {
    const int64_t columns = Smaller(block_columns, x.n - j);
    for (int64_t p = 0; p < x.k; p += block_depth) {
      const int64_t depth = Smaller(block_depth, x.k - p), wanted = TasksWanted(x.m, columns, depth, pool);
      Pool* used = wanted > 1 ? pool : nullptr;
      ForChunks(used, depth, RoundUp(DivideUp(2 * kChunk, columns), kPackedTogether),
                [&](int64_t begin, int64_t end) { PackPanels(At(x.b, p, j), columns, begin, end, depth, packed); });
      MultiplyBlock(x, {0, x.m, j, columns, p, depth, nullptr, packed}, wanted, used);
    }
  }
}

// Products with few rows spend a large part of their time on packing b. Here a task packs only the
// columns that it multiplies, which stay in its core's private cache, and prefetches the next ones
// while it multiplies.

NANO_INLINE bool IsStrips(int64_t m) { return m <= kStripRows; }

void MultiplyStrip(const Gemm& x, int64_t j, int64_t columns, float* packed) {
  const int64_t next_columns = Smaller(columns, x.n - j - columns);
  for (int64_t p = 0; p < x.k; p += kDepth) {
    const int64_t depth = Smaller(kDepth, x.k - p);
    PackPanels(At(x.b, p, j), columns, 0, depth, depth, packed);
    const bool last = p + depth == x.k;
    const Matrix b = last ? At(x.b, 0, j + columns) : At(x.b, p + depth, j);
    const int64_t terms = Smaller(kDepth, last ? x.k : x.k - p - depth), across = last ? next_columns : columns;
    const int64_t tiles = DivideUp(x.m, kTileRows) * DivideUp(columns, kTileColumns);
    Ahead ahead[2] = {x.b.column == 1 ? Ahead::Of(b.data, b.row, across, terms, tiles)
                                      : Ahead::Of(b.data, b.column, terms, across, tiles)};
    for (int64_t i = 0; i < x.m; i += kTaskRows) {
      const int64_t rows = Smaller(kTaskRows, x.m - i);
      MultiplyDepth<false>(x, {i, rows, j, columns, p, depth, nullptr, packed}, {0, rows, 0, columns}, p, depth, ahead);
    }
  }
}

NANO_INLINE int64_t StripRoom() { return kStripColumns * kDepth; }

void MultiplyStrips(const Gemm& x, float* scratch, Pool* pool) {
  const int64_t wanted = TasksWanted(x.m, x.n, x.k, pool);
  const int64_t columns = Smaller(kStripColumns, RoundUp(DivideUp(x.n, wanted), kTileColumns));
  ForTasks(wanted > 1 ? pool : nullptr, x.n, columns, [&](int64_t begin, int64_t end, int worker) {
    MultiplyStrip(x, begin, end - begin, scratch + worker * StripRoom());
  });
}

// c = the sum of `parts` consecutive matrices in `sums`.
void AddParts(const Gemm& x, const float* sums, int64_t parts, Pool* pool) {
  ForChunks(pool, x.m, RowsInChunk(x.n * parts, 2 * kChunk), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Target to = {x.c + i * x.c_row, x.c_row, x.accumulate, x.bias, x.relu};
      for (int64_t j = 0; j < x.n; j += 8) {
        const int64_t lanes = Smaller(8, x.n - j);
        const float* from = sums + i * x.n + j;
        F8 sum = LoadLanes(from, lanes);
        for (int64_t p = 1; p < parts; ++p) sum = sum + LoadLanes(from + p * x.m * x.n, lanes);
        if (to.add) sum = LoadLanes(to.c + j, lanes) + sum;
        StoreLanes(to.c + j, lanes, Finish(sum, to, j, lanes));
      }
    }
  });
}

// Products with a transposed a, as for the gradient of a weight, are summed in parts. A part is a
// task that packs only its own rows, which are likely in its thread's cache (engine/pool.cc). The
// parts are then added in order.

struct Parts {
  int64_t count, depth;

  NANO_INLINE Parts(int64_t m, int64_t n, int64_t k) {
    count = Smaller(kMostParts, Smaller(k / kDepth, kMostSums / (m * n)));
    count = Larger(1, count / 2 * 2);
    depth = RoundUp(DivideUp(k, count), kLine);
    count = DivideUp(k, depth);
  }
};

// Terms packed at once: steps of about equal size.
NANO_INLINE int64_t StepDepth(int64_t k) { return RoundUp(DivideUp(k, DivideUp(k, kDepth)), kPackedTogether); }
NANO_INLINE int64_t PartRoom(int64_t n) {
  return (kTaskRows + RoundUp(Smaller(n, kPartColumns), kTileColumns)) * kDepth;
}

// Runs on the calling thread. `following` is the number of terms after those of x, which are
// prefetched because they are needed next.
void MultiplyPart(const Gemm& x, int64_t following, float* room) {
  float *packed_a = room, *packed_b = room + kTaskRows * kDepth;
  const int64_t depth = StepDepth(x.k);
  for (int64_t j = 0; j < x.n; j += kPartColumns) {
    const int64_t columns = Smaller(kPartColumns, x.n - j);
    for (int64_t p = 0; p < x.k; p += depth) {
      const int64_t terms = Smaller(depth, x.k - p), next = p + terms;
      const int64_t next_terms = Smaller(depth, x.k + following - next);
      PackPanels(At(x.b, p, j), columns, 0, terms, terms, packed_b);
      const int64_t share = DivideUp(next_terms, DivideUp(x.m, kTaskRows));
      for (int64_t i = 0; i < x.m; i += kTaskRows) {
        const int64_t rows = Smaller(kTaskRows, x.m - i), begin = i / kTaskRows * share;
        const Part part = {0, rows, 0, columns};
        PackAcross<kTileRows>(At(x.a, i, p).data, x.a.column, rows, 0, terms, terms, packed_a);
        Ahead ahead[2];
        ahead[0] = i + rows < x.m ? Ahead::Of(At(x.a, i + rows, p).data, x.a.column, Smaller(kTaskRows, x.m - i - rows),
                                              terms, part.tiles())
                                  : Ahead::Of(At(x.a, 0, next).data, x.a.column, Smaller(kTaskRows, x.m), next_terms,
                                              part.tiles());
        if (x.b.column == 1) {
          ahead[1] = Ahead::Of(At(x.b, next + begin, j).data, x.b.row, columns, Smaller(share, next_terms - begin),
                               part.tiles());
        }
        MultiplyDepth<true>(x, {i, rows, j, columns, p, terms, packed_a, packed_b}, part, p, terms, ahead);
      }
    }
  }
}

void MultiplyParts(const Gemm& x, float* scratch, Pool* pool) {
  const Parts parts(x.m, x.n, x.k);
  const int64_t threads = pool == nullptr ? 1 : pool->threads(), size = x.m * x.n, room_size = PartRoom(x.n);
  float *sums = scratch, *room = scratch + (parts.count > 1 ? parts.count * size : 0);
  // With fewer parts than threads, columns are split too. This changes no sum.
  const int64_t cuts = TasksWanted(x.m, x.n, x.k, pool) > 1 ? DivideUp(threads, parts.count) : 1;
  const int64_t cut = RoundUp(DivideUp(x.n, cuts), kTileColumns), across = DivideUp(x.n, cut);
  ForTasks(pool, parts.count * across, 1, [&](int64_t task, int64_t, int worker) {
    const int64_t first = task / across * parts.depth, j = task % across * cut;
    Gemm part = x;
    part.k = Smaller(parts.depth, x.k - first), part.n = Smaller(cut, x.n - j);
    part.a = At(x.a, 0, first), part.b = At(x.b, first, j);
    if (parts.count > 1) {
      part.c = sums + task / across * size + j, part.c_row = x.n, part.accumulate = false;
    } else {
      part.c = x.c + j;
    }
    MultiplyPart(part, x.k - first - part.k, room + worker * room_size);
  });
  if (parts.count > 1) AddParts(x, sums, parts.count, pool);
}

// Thin products read b once, in place. Each row is summed in the same order for any number of rows,
// so a sequence gets the same result in a batch as on its own.

NANO_INLINE Target TargetAt(const Gemm& x, int64_t i, int64_t j) {
  return {x.c + i * x.c_row + j, x.c_row, x.accumulate, x.bias == nullptr ? nullptr : x.bias + j, x.relu};
}

// The number of columns to prefetch ahead, enough for them to load in time.
constexpr int64_t kFetchAhead = 16384;  // floats
NANO_INLINE int64_t ColumnsAhead(int64_t k) { return RoundUp(DivideUp(kFetchAhead, k), kThinColumns); }

// For contiguous columns of b: adds terms [begin, end) of a few rows and columns to `sums`, which
// has a sum for each lane. The first rows also prefetch the data at `ahead`.
template <int kRows, int kColumns>
void ThinDots(const Gemm& x, int64_t i, int64_t j, int64_t begin, int64_t end, int64_t ahead, F8* sums) {
  const int64_t row = x.a.row, column = x.b.column;
  const float *a = x.a.data + i * row, *b = x.b.data + j * column;
  F8 lanes[kRows][kColumns];
  ForEach<kRows, kColumns>([&](auto r, auto c) { lanes[r][c] = begin == 0 ? Set(0) : sums[r * kThinColumns + c]; });
  const auto add = [&](int64_t p, auto load) {
    F8 factors[kColumns];
    ForEach<1, kColumns>([&](auto, auto c) { factors[c] = load(b + c * column + p); });
    ForEach<kRows, 1>([&](auto r, auto) {
      const F8 term = load(a + r * row + p);
      ForEach<1, kColumns>([&](auto, auto c) { lanes[r][c] = MulAdd(term, factors[c], lanes[r][c]); });
    });
  };
  const auto whole = [](const float* from) { return Load(from); };
  int64_t p = begin;
  for (; i == 0 && p + 8 <= end; p += 8) {
    ForEach<1, kColumns>([&](auto, auto c) { PrefetchFar(b + c * column + p + ahead); });
    add(p, whole);
  }
  for (; p + 8 <= end; p += 8) add(p, whole);
  if (p < end) add(p, [&](const float* from) { return LoadSome(from, end - p); });
  ForEach<kRows, kColumns>([&](auto r, auto c) { sums[r * kThinColumns + c] = lanes[r][c]; });
}

// Computes all rows, kRows at a time. The rest, if any, is kRows − 1 rows.
template <int kRows, int kColumns>
void ThinDotsOfRows(const Gemm& x, int64_t j, int64_t begin, int64_t end, int64_t ahead, F8* sums) {
  int64_t i = 0;
  for (; i + kRows <= x.m; i += kRows) {
    ThinDots<kRows, kColumns>(x, i, j, begin, end, ahead, sums + i * kThinColumns);
  }
  if (i < x.m) ThinDots<kRows - 1, kColumns>(x, i, j, begin, end, ahead, sums + i * kThinColumns);
}

// Stores columns [j, j + columns) of row i, given the lanes of each column's sum.
NANO_INLINE void StoreSums(const Gemm& x, int64_t i, int64_t j, int64_t columns, const F8* sums) {
  for (int64_t c = 0; c < columns; c += 8) {
    F8 eight[8];  // with fewer than eight columns, the last one repeats and isn't stored
    for (int64_t l = 0; l < 8; ++l) eight[l] = sums[Smaller(c + l, columns - 1)];
    const F8 sum = SumEach(eight);
    StoreRow<1>(&sum, TargetAt(x, i, j + c), 0, columns - c);
  }
}

// Computes columns [j, j + columns). The number of sums at once fits in registers, and the number
// of terms at once is such that those of a and of these columns stay in the L1 cache.
template <int kRows, int kColumns>
void ThinPart(const Gemm& x, int64_t j, int64_t columns) {
  F8 sums[kThinRows * kThinColumns];
  for (int64_t begin = 0; begin < x.k; begin += kDepth) {
    const int64_t end = Smaller(x.k, begin + kDepth);
    const int64_t ahead = end < x.k ? kDepth : ColumnsAhead(x.k) * x.b.column - begin;
    int64_t c = 0;
    for (; c + kColumns <= columns; c += kColumns) {
      ThinDotsOfRows<kRows, kColumns>(x, j + c, begin, end, ahead, sums + c);
    }
    for (; c < columns; ++c) ThinDotsOfRows<kRows, 1>(x, j + c, begin, end, ahead, sums + c);
  }
  for (int64_t i = 0; i < x.m; ++i) StoreSums(x, i, j, columns, sums + i * kThinColumns);
}

// The same for a single row. It takes the columns one by one: b is then read in the order of memory,
// which processors prefetch better than instructions can. Without several terms in each turn of the
// loop, too few loads would be under way.
void ThinRow(const Gemm& x, int64_t j, int64_t columns) {
  constexpr int kTurn = 4;  // vectors of terms
  F8 sums[kThinColumns];
  const float *a = x.a.data, *b = x.b.data + j * x.b.column;
  for (int64_t c = 0; c < columns; ++c, b += x.b.column) {
    F8 lanes = Set(0);
    int64_t p = 0;
    for (; p + 8 * kTurn <= x.k; p += 8 * kTurn) {
      ForEach<1, kTurn>([&](auto, auto v) { lanes = MulAdd(Load(a + p + 8 * v), Load(b + p + 8 * v), lanes); });
    }
    for (; p < x.k; p += 8) {
      const int64_t terms = Smaller(8, x.k - p);
      lanes = MulAdd(LoadLanes(a + p, terms), LoadLanes(b + p, terms), lanes);
    }
    sums[c] = lanes;
  }
  StoreSums(x, 0, j, columns, sums);
}

void ThinRows(const Gemm& x, int64_t begin, int64_t end) {
  constexpr void (*kParts[])(const Gemm&, int64_t, int64_t) = {ThinRow,        ThinPart<2, 4>, ThinPart<3, 3>,
                                                               ThinPart<4, 3>, ThinPart<3, 3>, ThinPart<3, 3>,
                                                               ThinPart<4, 3>, ThinPart<4, 3>};
  for (int64_t j = begin; j < end; j += kThinColumns) kParts[x.m - 1](x, j, Smaller(kThinColumns, end - j));
}

// For contiguous rows of b: computes `columns` ≤ 16 adjacent sums for each row of a.
template <int kRows>
void ThinColumns(const Gemm& x, int64_t j, int64_t columns) {
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

void ThinRowsAcross(const Gemm& x, int64_t begin, int64_t end) {
  constexpr void (*kColumns[])(const Gemm&, int64_t, int64_t) = {ThinColumns<1>, ThinColumns<2>, ThinColumns<3>,
                                                                 ThinColumns<4>};
  for (int64_t j = begin; j < end; j += 16) kColumns[x.m - 1](x, j, Smaller(16, end - j));
}

void MultiplyThin(const Gemm& x, Pool* pool) {
  const auto range = x.b.row == 1 ? ThinRows : ThinRowsAcross;
  if (pool == nullptr) return range(x, 0, x.n);
  const int64_t columns = RoundUp(DivideUp(8 * kChunk, x.k), kThinColumns);
  ForChunks(pool, x.n, columns, [&](int64_t begin, int64_t end) { range(x, begin, end); });
}

// Small products have few columns and few terms. They use a in place, and b too if its rows form
// panels.

NANO_INLINE bool IsSmall(int64_t n, int64_t k) { return n <= kFewColumns && k <= kDepth; }
NANO_INLINE bool HasPanels(const Matrix& b, int64_t n) { return b.column == 1 && n % kTileColumns == 0; }

// Rows [i0, i1) of c = a·b over k terms.
NANO_INLINE void MultiplyRows(int64_t i0, int64_t i1, int64_t n, int64_t k, const Matrix& a, const Panel& b,
                              int64_t panel, const Target& to) {
  for (int64_t j = 0; j < n; j += kTileColumns) {
    for (int64_t i = i0; i < i1; i += kTileRows) {
      const Target target = {to.c + i * to.c_row + j, to.c_row, to.add, to.bias == nullptr ? nullptr : to.bias + j,
                             to.relu};
      if (k >= kFetchDepth) Fetch(target, Smaller(kTileRows, i1 - i));
      AnyTile<Layout::kAny>(Smaller(kTileRows, i1 - i), Smaller(kTileColumns, n - j), k, At(a, i, 0),
                            {b.data + j / kTileColumns * panel, b.step}, target);
    }
  }
}

void MultiplySmall(const Gemm& x, float* packed, Pool* pool) {
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

// Small products with many terms, as for the gradient of a small matrix, split the terms into
// parts. A part is a task, whose rows are likely in its thread's cache. The parts are then added in
// order.

NANO_INLINE bool IsSplit(int64_t m, int64_t n, int64_t k) {
  return n <= kFewColumns && m * n <= kSplitResult && k >= 2 * kSplitDepth && k >= 2 * Larger(m, n) &&
         k <= kSplitDepth * kMostParts * 4;
}
NANO_INLINE int64_t PartDepth(int64_t k) { return RoundUp(Larger(kSplitDepth, DivideUp(k, kMostParts)), kSplitDepth); }

void MultiplySplit(const Gemm& x, float* scratch, Pool* pool) {
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
  AddParts(x, sums, parts, nullptr);
}

}  // namespace

size_t MultiplyScratch(int64_t m, int64_t n, int64_t k, bool across, int threads) {
  int64_t floats;
  if (IsSplit(m, n, k)) {
    floats = DivideUp(k, PartDepth(k)) * m * n + threads * PackedSize(PartDepth(k), n);
  } else if (IsSmall(n, k)) {
    floats = PackedSize(k, n);
  } else if (across && m > 1) {
    const Parts parts(m, n, k);
    floats = (parts.count > 1 ? parts.count * m * n : 0) + threads * PartRoom(n);
  } else if (IsStrips(m)) {
    floats = threads * StripRoom();
  } else {
    floats = BlockDepth(n, k) * RoundUp(BlockColumns(n), kTileColumns);
  }
  return static_cast<size_t>(floats) * sizeof(float);
}

void Multiply(const Gemm& x, std::byte* scratch, Pool* pool) {
#ifdef NANO_BLAS
  if (pool != nullptr && IsForBlas(x)) {
    MultiplyBlas(x);
    if (x.bias == nullptr && !x.relu) return;
    Gemm rest = x;
    rest.accumulate = false;
    return AddParts(rest, x.c, 1, pool);
  }
#endif
  if (IsThin(x)) return MultiplyThin(x, pool);
  if (IsSplit(x.m, x.n, x.k)) return MultiplySplit(x, reinterpret_cast<float*>(scratch), pool);
  if (IsSmall(x.n, x.k)) return MultiplySmall(x, reinterpret_cast<float*>(scratch), pool);
  if (x.a.column != 1) return MultiplyParts(x, reinterpret_cast<float*>(scratch), pool);
  if (IsStrips(x.m)) return MultiplyStrips(x, reinterpret_cast<float*>(scratch), pool);
  MultiplyBlocks(x, reinterpret_cast<float*>(scratch), pool);
}

void Pack(const Matrix& b, int64_t k, int64_t columns, float* packed) { PackPanels(b, columns, 0, k, k, packed); }

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
