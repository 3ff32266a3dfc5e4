// Matrix products on tensor cores, of bf16 or of f32 rounded to tf32, with f32 sums. A block
// computes a square tile of c, and a warp half its rows and 32 columns, with mma.sync of 16 rows, 8
// columns and 32 bytes of terms. cp.async copies steps of 64 bytes of terms to shared memory
// through a ring of four stages: three are being loaded while one is multiplied.
#pragma once

#include "cuda/gemm_parts.cuh"
#include "cuda/ptx.cuh"

namespace nano::cuda {

constexpr int kStages = 4, kStepBytes = 64, kPieceBytes = 16;
constexpr int kTensorWarpColumns = 32;

template <int kSide>
constexpr int kTensorThreads = kSide / kTensorWarpColumns * 2 * kWarp;

// Copies tiles of an operand to shared memory. A line of a tile has the terms of one side or, if
// kAcross, the sides of one term. Lines are padded, so that the eight lines that an ldmatrix reads,
// or the four that a tf32 fragment comes from, are in different banks.
template <class T, int kSides, int kThreads, bool kAcross, bool kVector>
class AsyncTileLoader {
 public:
  static constexpr int kStep = kStepBytes / sizeof(T), kPiece = kPieceBytes / sizeof(T);
  static constexpr int kLines = kAcross ? kStep : kSides;
  static constexpr int kLineBytes = kAcross ? kSides * sizeof(T) : kStepBytes;
  static constexpr int kStride = kLineBytes + (kAcross && sizeof(T) == 4 ? 32 : 16);
  static constexpr int kTileBytes = kLines * kStride;

  // `data`: the tile's first side at the first of the block's terms. `sides`: the number of sides
  // from there to the end.
  __device__ __forceinline__ AsyncTileLoader(const T* data, int64_t stride, int64_t sides)
      : stride_(stride), sides_(AtMost<kSides>(sides) - Side()) {
    from_ = data + (kAcross ? Side() + Term() * stride : Side() * stride + Term());
  }

  // Starts to copy the next terms, of which `left` exist, to a tile. The others, and missing sides,
  // are 0.
  __device__ __forceinline__ void Load(unsigned char* tile, int left) {
    unsigned char* const to = tile + Line() * kStride + PieceInLine() * kPieceBytes;
#pragma unroll
    for (int i = 0; i < kPieces; ++i) {
      const T* from = from_ + i * kApart * stride_;
      const int sides = kAcross ? sides_ : sides_ - i * kApart;
      const int terms = kAcross ? left - Term() - i * kApart : left - Term();
      const int count = sides <= 0 || terms <= 0 ? 0 : kAcross ? sides : terms;
      if constexpr (kVector) {
        ptx::cp_async16(to + i * kApart * kStride, from, count > 0);
      } else {
        Piece piece;
#pragma unroll
        for (int e = 0; e < kPiece; ++e) piece.values[e] = e < count ? from[e] : Rounded<T>(0.0f);
        *reinterpret_cast<Piece*>(to + i * kApart * kStride) = piece;
      }
    }
    from_ += kAcross ? kStep * stride_ : kStep;
  }

  // Loads the terms of an mma for 16 sides as its a operand; `half` selects half of the step. With
  // g = lane / 4, register 0 has terms of side g, register 1 terms of side g + 8, and registers 2
  // and 3 have the second half of the terms of these sides. Registers 0 and 2 are also the b
  // operand of the first eight sides, and registers 1 and 3 that of the others.
  static __device__ __forceinline__ void Fetch(const unsigned char* tile, int side, int half, unsigned (&x)[4]) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    if constexpr (!kAcross) {
      ptx::ldmatrix_x4(x, tile + (side + lane % 16) * kStride + half * 32 + lane / 16 * 16);
    } else if constexpr (sizeof(T) == 2) {
      ptx::ldmatrix_x4_trans(
          x, tile + (half * 16 + lane / 16 * 8 + lane % 8) * kStride + (side + lane / 8 % 2 * 8) * sizeof(T));
    } else {
      const unsigned char* const from = tile + (half * 8 + lane % 4) * kStride + (side + lane / 4) * sizeof(T);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        x[i] = *reinterpret_cast<const unsigned*>(from + i / 2 * 4 * kStride + i % 2 * 8 * sizeof(T));
      }
    }
    if constexpr (sizeof(T) == 4) {
#pragma unroll
      for (int i = 0; i < 4; ++i) x[i] = ptx::to_tf32(__uint_as_float(x[i]));
    }
  }

 private:
  struct alignas(kPieceBytes) Piece {
    T values[kPiece];
  };
  // The pieces in a line, the distance in lines between a thread's pieces, and the pieces of a
  // thread.
  static constexpr int kLinePieces = kLineBytes / kPieceBytes;
  static constexpr int kApart = kThreads / kLinePieces, kPieces = kLines * kLinePieces / kThreads;

  static __device__ __forceinline__ int Line() { return static_cast<int>(threadIdx.x) / kLinePieces; }
  static __device__ __forceinline__ int PieceInLine() { return static_cast<int>(threadIdx.x) % kLinePieces; }
  static __device__ __forceinline__ int Side() { return kAcross ? PieceInLine() * kPiece : Line(); }
  static __device__ __forceinline__ int Term() { return kAcross ? Line() : PieceInLine() * kPiece; }

  const T* from_;
  int64_t stride_;
  int sides_;
};

template <class T>
__device__ __forceinline__ void MultiplyAdd(float (&sums)[4], const unsigned (&x)[4], const unsigned (&y)[2]) {
  if constexpr (sizeof(T) == 2) {
    ptx::mma_bf16(sums, x, y);
  } else {
    ptx::mma_tf32(sums, x, y);
  }
}

template <class T, int kSide, bool kAcrossA, bool kAcrossB, bool kVector>
__global__ void __launch_bounds__(kTensorThreads<kSide>, 2) TensorKernel(const Control* control, const Work work) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800  // gemm.cu rejects older GPUs
  constexpr int kThreads = kTensorThreads<kSide>, kWarpRows = kSide / 2, kWarpColumns = kTensorWarpColumns;
  constexpr int kWarpsAlong = kSide / kWarpColumns, kDown = kWarpRows / 16, kAlong = kWarpColumns / 8;
  using AsyncLoaderA = AsyncTileLoader<T, kSide, kThreads, kAcrossA, kVector>;
  using AsyncLoaderB = AsyncTileLoader<T, kSide, kThreads, kAcrossB, kVector>;
  constexpr int kStep = AsyncLoaderA::kStep, kStageBytes = AsyncLoaderA::kTileBytes + AsyncLoaderB::kTileBytes;
  if (Stopped(control)) return;
  const Place place = PlaceOf(work);
  const int64_t row0 = static_cast<int64_t>(place.tile_down) * kSide;
  const int64_t column0 = static_cast<int64_t>(place.tile_along) * kSide;
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int row = warp / kWarpsAlong * kWarpRows, column = warp % kWarpsAlong * kWarpColumns;
  AsyncLoaderA a(DataAt<T>(work.a, place, row0), work.a.stride, work.m - row0);
  AsyncLoaderB b(DataAt<T>(work.b, place, column0), work.b.stride, work.n - column0);
  const int terms = static_cast<int>(place.last - place.first), steps = (terms + kStep - 1) / kStep;
  const auto load = [&](int step) {
    if (step < steps) {
      unsigned char* const stage = dynamic_shared + step % kStages * kStageBytes;
      a.Load(stage, terms - step * kStep);
      b.Load(stage + AsyncLoaderA::kTileBytes, terms - step * kStep);
    }
    ptx::cp_async_commit();  // even if empty, so that the wait below always refers to the same step
  };

  float sums[kDown][kAlong][4] = {};
#pragma unroll
  for (int step = 0; step < kStages - 1; ++step) load(step);
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    ptx::cp_async_wait<kStages - 2>();
    __syncthreads();  // all copies have arrived, and no thread still reads the stage that is filled next
    load(step + kStages - 1);
    const unsigned char* const stage = dynamic_shared + step % kStages * kStageBytes;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      unsigned x[kDown][4], y[kAlong][2];
#pragma unroll
      for (int i = 0; i < kDown; ++i) AsyncLoaderA::Fetch(stage, row + i * 16, half, x[i]);
#pragma unroll
      for (int j = 0; j < kAlong; j += 2) {
        unsigned both[4];
        AsyncLoaderB::Fetch(stage + AsyncLoaderA::kTileBytes, column + j * 8, half, both);
        y[j][0] = both[0], y[j][1] = both[2];
        y[j + 1][0] = both[1], y[j + 1][1] = both[3];
      }
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
#pragma unroll
        for (int j = 0; j < kAlong; ++j) MultiplyAdd<T>(sums[i][j], x[i], y[j]);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kDown; ++i) {
#pragma unroll
    for (int j = 0; j < kAlong; ++j) {
#pragma unroll
      for (int e = 0; e < 4; e += 2) {
        float pair[2] = {sums[i][j][e], sums[i][j][e + 1]};
        Put<sizeof(T) == 2>(work, place, row0 + row + i * 16 + lane / 4 + e / 2 * 8,
                            column0 + column + j * 8 + lane % 4 * 2, pair);
      }
    }
  }
#else
  __trap();
#endif
}

template <class T, int kSide, bool kAcrossA, bool kAcrossB, bool kVector>
Outcome StartTensor(const Call& call, Message& message, Work& work) {
  constexpr int kThreads = kTensorThreads<kSide>;
  constexpr size_t kShared = kStages * (AsyncTileLoader<T, kSide, kThreads, kAcrossA, kVector>::kTileBytes +
                                        AsyncTileLoader<T, kSide, kThreads, kAcrossB, kVector>::kTileBytes);
  return LaunchTiles(call, message, work, kSide, kSide, kThreads, kShared,
                     TensorKernel<T, kSide, kAcrossA, kAcrossB, kVector>);
}

template <class T, bool kAcrossA, bool kAcrossB>
Outcome StartTensor(const Call& call, Message& message, Work& work, Tile tile) {
  constexpr int64_t kPiece = kPieceBytes / sizeof(T);
  if (!InPieces(work.a, work.m, work.k, kPiece) || !InPieces(work.b, work.n, work.k, kPiece)) {
    return StartTensor<T, kSmallSide, kAcrossA, kAcrossB, false>(call, message, work);
  }
  return tile == Tile::kLarge ? StartTensor<T, kLargeSide, kAcrossA, kAcrossB, true>(call, message, work)
                              : StartTensor<T, kSmallSide, kAcrossA, kAcrossB, true>(call, message, work);
}

template <class T>
Outcome MultiplyTensor(const Call& call, Message& message, Work& work, Tile tile) {
  if (work.a.across) {
    return work.b.across ? StartTensor<T, true, true>(call, message, work, tile)
                         : StartTensor<T, true, false>(call, message, work, tile);
  }
  return work.b.across ? StartTensor<T, false, true>(call, message, work, tile)
                       : StartTensor<T, false, false>(call, message, work, tile);
}

}  // namespace nano::cuda
