// A stable radix sort, eight bits at a time from the lowest. Each pass counts the digits of every
// tile. It then places each element after all elements with a smaller digit and after those with
// the same digit that are in earlier tiles or earlier in its own tile.
#include "cuda/sort.cuh"

namespace nano::cuda {
namespace {

constexpr int kTile = 1024, kWarps = kTile / kWarp;  // one element per thread
constexpr int kDigitBits = 8, kDigits = 1 << kDigitBits;

__device__ __forceinline__ int DigitOf(int32_t key, int shift) { return key >> shift & (kDigits - 1); }

// Computes counts[tile][digit].
__global__ void __launch_bounds__(kTile)
    CountDigits(const Control* control, const int32_t* keys, int64_t n, int shift, int64_t* counts) {
  __shared__ int32_t room[kDigits];
  if (Stopped(control)) return;
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < kDigits) room[thread] = 0;
  __syncthreads();
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kTile + thread;
  if (i < n) atomicAdd(&room[DigitOf(keys[i], shift)], 1);
  __syncthreads();
  if (thread < kDigits) counts[static_cast<int64_t>(blockIdx.x) * kDigits + thread] = room[thread];
}

// The sum of the values of all lower lanes.
__device__ __forceinline__ int64_t SumBelow(int64_t value, int lane) {
  int64_t sum = value;
  for (int offset = 1; offset < kWarp; offset *= 2) {
    const int64_t other = __shfl_up_sync(~0u, sum, offset);
    if (lane >= offset) sum += other;
  }
  return sum - value;
}

// The lanes that have an element with the same digit, as a bit mask.
__device__ __forceinline__ unsigned SameDigit(int digit, bool has) {
  unsigned same = __ballot_sync(~0u, has);
#pragma unroll
  for (int bit = 0; bit < kDigitBits; ++bit) {
    const bool set = (digit >> bit & 1) != 0;
    const unsigned those = __ballot_sync(~0u, set);
    same &= set ? those : ~those;
  }
  return same;
}

// `places` is null in the first pass, when every element is in its original place.
__global__ void __launch_bounds__(kTile)
    PlaceByDigit(const Control* control, const int32_t* keys, const int64_t* places, int64_t n, int shift,
                 const int64_t* counts, int32_t* sorted_keys, int64_t* sorted_places) {
  __shared__ int64_t starts[kDigits], room[kDigits / kWarp];
  __shared__ int32_t before[kWarps][kDigits];  // elements with the digit in earlier warps
  if (Stopped(control)) return;
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
  const int64_t tile = blockIdx.x, i = tile * kTile + thread;
  const int32_t key = i < n ? keys[i] : 0;
  const int digit = DigitOf(key, shift);

  for (int d = lane; d < kDigits; d += kWarp) before[warp][d] = 0;
  const unsigned same = SameDigit(digit, i < n);
  const int earlier = __popc(same & ((1u << lane) - 1));
  __syncwarp();
  if (i < n && earlier == 0) before[warp][digit] = __popc(same);
  __syncthreads();

  // From here until the elements are placed, each of the first kDigits threads handles one digit.
  int64_t total = 0, below = 0;
  if (thread < kDigits) {
    int32_t sum = 0;
    for (int w = 0; w < kWarps; ++w) {
      const int32_t count = before[w][thread];
      before[w][thread] = sum;
      sum += count;
    }
#pragma unroll 8
    for (int64_t t = 0; t < gridDim.x; ++t) {
      const int64_t count = counts[t * kDigits + thread];
      total += count;
      if (t < tile) below += count;
    }
  }
  const int64_t smaller = SumBelow(total, lane);
  if (thread < kDigits && lane == kWarp - 1) room[warp] = smaller + total;
  __syncthreads();
  if (thread < kDigits) {
    int64_t start = smaller + below;
    for (int w = 0; w < warp; ++w) start += room[w];
    starts[thread] = start;
  }
  __syncthreads();

  if (i >= n) return;
  const int64_t to = starts[digit] + before[warp][digit] + earlier;
  sorted_keys[to] = key;
  sorted_places[to] = places == nullptr ? i : places[i];
}

// Scratch: counts[tiles][kDigits], places[2][n], keys[2][n].
int64_t Tiles(int64_t n) { return DivideUp(n, kTile); }

}  // namespace

size_t ScratchSort(int64_t n) {
  const int64_t bytes = Tiles(n) * kDigits * static_cast<int64_t>(sizeof(int64_t)) +
                        2 * n * static_cast<int64_t>(sizeof(int64_t) + sizeof(int32_t));
  return static_cast<size_t>(DivideUp(bytes, 64) * 64);
}

Outcome Sort(const Call& call, Message& message, const int32_t* keys, int64_t n, int64_t limit, void* scratch,
             Sorted& sorted) {
  auto* const counts = static_cast<int64_t*>(scratch);
  int64_t* const places = counts + Tiles(n) * kDigits;
  auto* const room = reinterpret_cast<int32_t*>(places + 2 * n);
  sorted = {keys, nullptr};
  for (int shift = 0, pass = 0; pass == 0 || (limit - 1) >> shift > 0; shift += kDigitBits, ++pass) {
    Outcome outcome =
        Launch(call, message, {Tiles(n), kTile}, CountDigits, call.control, sorted.keys, n, shift, counts);
    if (outcome != Outcome::kOk) return outcome;
    int32_t* const to_keys = room + pass % 2 * n;
    int64_t* const to_places = places + pass % 2 * n;
    outcome = Launch(call, message, {Tiles(n), kTile}, PlaceByDigit, call.control, sorted.keys, sorted.places, n, shift,
                     counts, to_keys, to_places);
    if (outcome != Outcome::kOk) return outcome;
    sorted = {to_keys, to_places};
  }
  return Outcome::kOk;
}

}  // namespace nano::cuda
