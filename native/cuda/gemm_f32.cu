// Matrix products in full f32. A block computes a square tile of c, a warp 32 rows and 32 or 64
// columns of it, and a thread 8 rows and 4 or 8 columns: runs of four, 16 rows and 32 columns
// apart. Operands pass through shared memory in steps of eight terms, with two buffers: while one
// step is multiplied, the next is loaded into registers.
#include "cuda/gemm_parts.cuh"

namespace nano::cuda {
namespace {

constexpr int kStep = 8, kRun = 4;
// The number of terms that are summed in registers before they are added to c. This keeps long sums
// accurate.
constexpr int kTurnTerms = 1024;

// Copies tiles of an operand from memory to registers, and from there to shared memory. There, each
// term of a step is a row of sides. A gap after every four rows puts the stores of a warp in
// different banks.
template <int kSides, int kThreads, bool kAcross, bool kVector>
class TileLoader {
 public:
  static constexpr int kGap = 128 / kStep, kTileSize = kStep * kSides + kStep / 4 * kGap;

  // `data`: the tile's first side at the first of the block's terms. `sides`: the number of sides
  // from there to the end.
  __device__ __forceinline__ TileLoader(const float* data, int64_t stride, int64_t sides)
      : stride_(stride), sides_(AtMost<kSides>(sides) - Side()) {
    from_ = data + (kAcross ? Side() + Term() * stride : Side() * stride + Term());
  }

  // Loads the next terms, of which `left` exist. The others, and missing sides, are 0.
  __device__ __forceinline__ void Load(int left) {
#pragma unroll
    for (int i = 0; i < kRuns; ++i) {
      const float* from = from_ + i * kApart * stride_;
      const int sides = kAcross ? sides_ : sides_ - i * kApart;
      const int terms = kAcross ? left - Term() - i * kApart : left - Term();
      const int count = sides <= 0 || terms <= 0 ? 0 : kAcross ? sides : terms;
      if constexpr (kVector) {
        const float4 run = count > 0 ? *reinterpret_cast<const float4*>(from) : make_float4(0, 0, 0, 0);
        runs_[i][0] = run.x, runs_[i][1] = run.y, runs_[i][2] = run.z, runs_[i][3] = run.w;
      } else {
#pragma unroll
        for (int e = 0; e < kRun; ++e) runs_[i][e] = e < count ? from[e] : 0.0f;
      }
    }
    from_ += kAcross ? kStep * stride_ : kStep;
  }

  __device__ __forceinline__ void Store(float* tile) const {
    float* const to = tile + OffsetOf(Term()) + Side();
#pragma unroll
    for (int i = 0; i < kRuns; ++i) {
      if constexpr (kAcross) {
        *reinterpret_cast<float4*>(to + OffsetOf(i * kApart)) =
            make_float4(runs_[i][0], runs_[i][1], runs_[i][2], runs_[i][3]);
      } else {
#pragma unroll
        for (int e = 0; e < kRun; ++e) to[e * kSides + i * kApart] = runs_[i][e];
      }
    }
  }

  static __device__ __forceinline__ void Fetch(const float* tile, int term, int side, float* run) {
    const float4 four = *reinterpret_cast<const float4*>(tile + side + OffsetOf(term));
    run[0] = four.x, run[1] = four.y, run[2] = four.z, run[3] = four.w;
  }

 private:
  // The runs in a line, the distance between a thread's runs in terms (if kAcross) or in sides, and
  // the runs of a thread.
  static constexpr int kLine = (kAcross ? kSides : kStep) / kRun;
  static constexpr int kApart = kThreads / kLine, kRuns = kSides * kStep / kRun / kThreads;
  static_assert(!kAcross || kApart % 4 == 0);

  static __device__ __forceinline__ int OffsetOf(int term) { return term * kSides + term / 4 * kGap; }
  static __device__ __forceinline__ int Side() {
    return static_cast<int>(kAcross ? threadIdx.x % kLine * kRun : threadIdx.x / kLine);
  }
  static __device__ __forceinline__ int Term() {
    return static_cast<int>(kAcross ? threadIdx.x / kLine : threadIdx.x % kLine * kRun);
  }

  const float* from_;
  int64_t stride_;
  int sides_;
  float runs_[kRuns][kRun];
};

template <int kSide>
constexpr int kThreadsFor = kSide == kLargeSide ? 256 : 128;

template <int kSide, bool kAcrossA, bool kAcrossB, bool kVector>
__global__ void __launch_bounds__(kThreadsFor<kSide>, 2) F32Kernel(const Control* control, const Work work) {
  constexpr int kThreads = kThreadsFor<kSide>;
  constexpr int kAlongRuns = kSide == kLargeSide ? 2 : 1, kDownRuns = 2;  // runs of a thread
  constexpr int kWarpRows = 32, kWarpColumns = 32 * kAlongRuns, kWarpsAlong = kSide / kWarpColumns;
  static_assert(kSide / kWarpRows * kWarpsAlong * kWarp == kThreads);
  using LoaderA = TileLoader<kSide, kThreads, kAcrossA, kVector>;
  using LoaderB = TileLoader<kSide, kThreads, kAcrossB, kVector>;
  __shared__ __align__(16) float tiles_a[2][LoaderA::kTileSize], tiles_b[2][LoaderB::kTileSize];
  __shared__ int64_t corner[2];  // in shared memory, to save registers in the main loop
  if (Stopped(control)) return;
  const Place place = PlaceOf(work);
  const int64_t row0 = static_cast<int64_t>(place.tile_down) * kSide;
  const int64_t column0 = static_cast<int64_t>(place.tile_along) * kSide;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int row = warp / kWarpsAlong * kWarpRows + lane / 8 * kRun;
  const int column = warp % kWarpsAlong * kWarpColumns + lane % 8 * kRun;
  LoaderA a(DataAt<float>(work.a, place, row0), work.a.stride, work.m - row0);
  LoaderB b(DataAt<float>(work.b, place, column0), work.b.stride, work.n - column0);
  if (threadIdx.x == 0) corner[0] = row0, corner[1] = column0;

  Turn turn;
  for (int64_t ahead = place.last - place.first; ahead > 0; ahead -= kTurnTerms, turn.first = false) {
    const int terms = AtMost<kTurnTerms>(ahead);
    float sums[kDownRuns * kRun][kAlongRuns][kRun] = {};
    a.Load(terms);
    b.Load(terms);
    a.Store(tiles_a[0]);
    b.Store(tiles_b[0]);
    __syncthreads();
    int now = 0;
#pragma unroll 1
    for (int left = terms; left > 0; left -= kStep, now ^= 1) {
      const bool more = left > kStep;
      if (more) {
        a.Load(left - kStep);
        b.Load(left - kStep);
      }
#pragma unroll 2  // a larger factor needs too many registers
      for (int p = 0; p < kStep; ++p) {
        float x[kDownRuns * kRun], y[kAlongRuns][kRun];
#pragma unroll
        for (int r = 0; r < kDownRuns; ++r) LoaderA::Fetch(tiles_a[now], p, row + r * 16, x + r * kRun);
#pragma unroll
        for (int r = 0; r < kAlongRuns; ++r) LoaderB::Fetch(tiles_b[now], p, column + r * 32, y[r]);
#pragma unroll
        for (int i = 0; i < kDownRuns * kRun; ++i) {
#pragma unroll
          for (int j = 0; j < kAlongRuns * kRun; ++j) sums[i][j / kRun][j % kRun] += x[i] * y[j / kRun][j % kRun];
        }
      }
      if (more) {  // the last barrier ensures that no thread still reads this buffer
        a.Store(tiles_a[now ^ 1]);
        b.Store(tiles_b[now ^ 1]);
      }
      __syncthreads();
    }
    turn.last = ahead <= kTurnTerms;
#pragma unroll
    for (int i = 0; i < kDownRuns * kRun; ++i) {
#pragma unroll
      for (int r = 0; r < kAlongRuns; ++r) {
        Put<false>(work, place, corner[0] + row + i / kRun * 16 + i % kRun, corner[1] + column + r * 32, sums[i][r],
                   turn);
      }
    }
  }
}

template <int kSide, bool kAcrossA, bool kAcrossB>
Outcome Start(const Call& call, Message& message, Work& work) {
  const bool vector = InPieces(work.a, work.m, work.k, kRun) && InPieces(work.b, work.n, work.k, kRun);
  return LaunchTiles(call, message, work, kSide, kSide, kThreadsFor<kSide>, 0,
                     vector ? F32Kernel<kSide, kAcrossA, kAcrossB, true> : F32Kernel<kSide, kAcrossA, kAcrossB, false>);
}

template <int kSide>
Outcome StartOf(const Call& call, Message& message, Work& work) {
  if (work.a.across) {
    return work.b.across ? Start<kSide, true, true>(call, message, work)
                         : Start<kSide, true, false>(call, message, work);
  }
  return work.b.across ? Start<kSide, false, true>(call, message, work)
                       : Start<kSide, false, false>(call, message, work);
}

}  // namespace

Outcome MultiplyF32(const Call& call, Message& message, Work work, Tile tile) {
  return tile == Tile::kLarge ? StartOf<kLargeSide>(call, message, work) : StartOf<kSmallSide>(call, message, work);
}

}  // namespace nano::cuda
