// Matrix products with few rows, as in generation. Each element of b is read once, and this takes
// most of the time.
#include "cuda/gemm_parts.cuh"
#include "cuda/ptx.cuh"

namespace nano::cuda {
namespace {

// An f32 that is rounded to tf32 when it is read.
struct Tf32 {
  float value;
};
__device__ __forceinline__ float ToFloat(Tf32 x) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800  // gemm.cu rejects older GPUs
  return __uint_as_float(ptx::to_tf32(x.value));
#else
  return x.value;
#endif
}
using cuda::ToFloat;

// ---- The terms of b are adjacent: a warp computes two columns, and its lanes split the terms in
// pieces of 16 bytes.
constexpr int kAlongThreads = 128, kAlongColumns = 2, kAlongBlockColumns = kAlongThreads / kWarp * kAlongColumns;

// Loads a piece, of which `left` terms exist. If `whole`, it can be read in one access.
template <class T, int kPiece>
__device__ __forceinline__ void Fetch(const T* from, int64_t stride, int left, bool whole, float (&terms)[kPiece]) {
  struct alignas(16) Piece {
    T values[kPiece];
  };
  if (whole) {
    const Piece piece = *reinterpret_cast<const Piece*>(from);
#pragma unroll
    for (int e = 0; e < kPiece; ++e) terms[e] = ToFloat(piece.values[e]);
  } else {
#pragma unroll
    for (int e = 0; e < kPiece; ++e) terms[e] = e < left ? ToFloat(from[e * stride]) : 0.0f;
  }
}

template <class T, int kRows>
__global__ void __launch_bounds__(kAlongThreads)
    ThinAlongKernel(const Control* control, const Work work, bool whole_a, bool whole_b) {
  constexpr int kPiece = 16 / sizeof(T);
  if (Stopped(control)) return;
  const Place place = PlaceOf(work);
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int64_t column = static_cast<int64_t>(place.tile_along) * kAlongBlockColumns + warp * kAlongColumns;
  if (column >= work.n) return;
  const int64_t terms = place.last - place.first;
  const int64_t row_step = work.a.across ? 1 : work.a.stride, term_step = work.a.across ? work.a.stride : 1;
  const T* const a = DataAt<T>(work.a, place, 0);
  // Rows and columns past the end repeat the last one; Put ignores their sums.
  const T* columns[kAlongColumns];
#pragma unroll
  for (int j = 0; j < kAlongColumns; ++j) {
    columns[j] = DataAt<T>(work.b, place, column + j < work.n ? column + j : work.n - 1);
  }
  float sums[kRows][kAlongColumns] = {};
#pragma unroll(sizeof(T) == 2 ? 1 : 2)
  for (int64_t p = lane * kPiece; p < terms; p += kWarp * kPiece) {
    const int left = AtMost<kPiece>(terms - p);
    float y[kAlongColumns][kPiece];
#pragma unroll
    for (int j = 0; j < kAlongColumns; ++j) Fetch(columns[j] + p, 1, left, whole_b, y[j]);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      float x[kPiece];
      Fetch(a + (i < work.m ? i : work.m - 1) * row_step + p * term_step, term_step, left, whole_a, x);
#pragma unroll
      for (int j = 0; j < kAlongColumns; ++j) {
#pragma unroll
        for (int e = 0; e < kPiece; ++e) sums[i][j] += x[e] * y[j][e];
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
#pragma unroll
    for (int j = 0; j < kAlongColumns; ++j) {
      float sum[1] = {WarpReduce(sums[i][j], Add())};
      if (lane == i * kAlongColumns + j) Put<sizeof(T) == 2>(work, place, i, column + j, sum);
    }
  }
}

// ---- The columns of b are adjacent: a lane computes one column. The eight warps take the terms in
// turn; then warp i adds up row i of c.
constexpr int kAcrossWarps = 8, kAcrossThreads = kAcrossWarps * kWarp;
static_assert(kAcrossWarps >= kThinRows);

template <class T, int kRows>
__global__ void __launch_bounds__(kAcrossThreads) ThinAcrossKernel(const Control* control, const Work work) {
  __shared__ float room[kAcrossWarps][kRows][kWarp];
  if (Stopped(control)) return;
  const Place place = PlaceOf(work);
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int64_t column = static_cast<int64_t>(place.tile_along) * kWarp + lane;
  const int64_t terms = place.last - place.first;
  const int64_t row_step = work.a.across ? 1 : work.a.stride, term_step = work.a.across ? work.a.stride : 1;
  const T* const a = DataAt<T>(work.a, place, 0);
  const T* const b = DataAt<T>(work.b, place, column < work.n ? column : work.n - 1);
  float sums[kRows] = {};
#pragma unroll 4
  for (int64_t p = warp; p < terms; p += kAcrossWarps) {
    const float y = ToFloat(b[p * work.b.stride]);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      sums[i] += ToFloat(a[(i < work.m ? i : work.m - 1) * row_step + p * term_step]) * y;
    }
  }
#pragma unroll
  for (int i = 0; i < kRows; ++i) room[warp][i][lane] = sums[i];
  __syncthreads();
  if (warp >= kRows) return;
  float sum[1] = {room[0][warp][lane]};
  for (int i = 1; i < kAcrossWarps; ++i) sum[0] += room[i][warp][lane];
  Put<sizeof(T) == 2>(work, place, warp, column, sum);
}

template <class T, int kRows>
Outcome Start(const Call& call, Message& message, Work& work) {
  constexpr int64_t kPiece = 16 / sizeof(T);
  if (work.b.across) {
    return LaunchTiles(call, message, work, kThinRows, kWarp, kAcrossThreads, 0, ThinAcrossKernel<T, kRows>);
  }
  const bool whole_a = !work.a.across && InPieces(work.a, work.m, work.k, kPiece);
  const bool whole_b = InPieces(work.b, work.n, work.k, kPiece);
  return LaunchTiles(call, message, work, kThinRows, kAlongBlockColumns, kAlongThreads, 0, ThinAlongKernel<T, kRows>,
                     whole_a, whole_b);
}

template <class T>
Outcome StartOf(const Call& call, Message& message, Work& work) {
  if (work.m == 1) return Start<T, 1>(call, message, work);
  return work.m <= 4 ? Start<T, 4>(call, message, work) : Start<T, kThinRows>(call, message, work);
}

}  // namespace

Outcome MultiplyThin(const Call& call, Message& message, Work work, Dtype dtype, bool tf32) {
  if (dtype == Dtype::kBf16) return StartOf<__nv_bfloat16>(call, message, work);
  return tf32 ? StartOf<Tf32>(call, message, work) : StartOf<float>(call, message, work);
}

}  // namespace nano::cuda
