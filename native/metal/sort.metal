// A radix sort, eight bits at a time from the lowest. Each pass counts the digits of every tile. It
// then places each element after all elements with a smaller digit, and among those with the same
// digit after those of earlier tiles and earlier ones of its own tile.
#include "metal/sort.h"

struct SortArguments {
  uint32_t n, tiles, shift;
};

#if defined(__METAL_VERSION__)

constant uint kInPlace [[function_constant(1)]];  // first pass: element i is still at i

constant constexpr uint kTile = 1024, kTileSimdgroups = kTile / kSimd;  // one element per thread
constant constexpr uint kDigitBits = 8, kDigits = 1 << kDigitBits;

inline uint DigitOf(int key, uint shift) { return uint(key) >> shift & (kDigits - 1); }

// counts[tile][digit].
[[max_total_threads_per_threadgroup(1024)]] kernel void count_digits(device const Control& control [[buffer(0)]],
                                                                     constant SortArguments& arguments [[buffer(1)]],
                                                                     device uint* counts [[buffer(2)]],
                                                                     device const int* keys [[buffer(3)]],
                                                                     uint tile [[threadgroup_position_in_grid]],
                                                                     uint index [[thread_index_in_threadgroup]]) {
  threadgroup atomic_uint room[kDigits];
  if (Stopped(control)) return;
  if (index < kDigits) atomic_store_explicit(&room[index], 0u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const uint i = tile * kTile + index;
  if (i < arguments.n) atomic_fetch_add_explicit(&room[DigitOf(keys[i], arguments.shift)], 1u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (index < kDigits) counts[tile * kDigits + index] = atomic_load_explicit(&room[index], memory_order_relaxed);
}

// A mask of the lanes for which `holds` is true.
inline uint LanesWhere(bool holds, uint lane) { return simd_or(holds ? 1u << lane : 0u); }

// A mask of the lanes with the same digit, among those that have an element.
inline uint SameDigit(uint digit, bool has, uint lane) {
  uint same = LanesWhere(has, lane);
#pragma unroll
  for (uint bit = 0; bit < kDigitBits; ++bit) {
    const bool set = (digit >> bit & 1) != 0;
    const uint those = LanesWhere(set, lane);
    same &= set ? those : ~those;
  }
  return same;
}

[[max_total_threads_per_threadgroup(1024)]] kernel void place_by_digit(
    device const Control& control [[buffer(0)]], constant SortArguments& arguments [[buffer(1)]],
    device int* sorted_keys [[buffer(2)]], device uint* sorted_places [[buffer(3)]],
    device const int* keys [[buffer(4)]], device const uint* places [[buffer(5)]],
    device const uint* counts [[buffer(6)]], uint tile [[threadgroup_position_in_grid]],
    uint lane [[thread_index_in_simdgroup]], uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  threadgroup uint starts[kDigits];
  threadgroup uint room[kDigits / kSimd];
  threadgroup ushort before[kTileSimdgroups][kDigits];  // counts of earlier simdgroups
  if (Stopped(control)) return;
  const uint index = simdgroup * kSimd + lane, i = tile * kTile + index;
  const bool has = i < arguments.n;
  const int key = has ? keys[i] : 0;
  const uint digit = DigitOf(key, arguments.shift);

  for (uint d = lane; d < kDigits; d += kSimd) before[simdgroup][d] = 0;
  const uint same = SameDigit(digit, has, lane), earlier = popcount(same & ((1u << lane) - 1));
  simdgroup_barrier(mem_flags::mem_threadgroup);
  if (has && earlier == 0) before[simdgroup][digit] = ushort(popcount(same));
  threadgroup_barrier(mem_flags::mem_threadgroup);

  // From here on a thread handles a digit, until the elements are placed.
  uint total = 0, below = 0;
  if (index < kDigits) {
    uint sum = 0;
    for (uint s = 0; s < kTileSimdgroups; ++s) {
      const ushort count = before[s][index];
      before[s][index] = ushort(sum);
      sum += count;
    }
    for (uint t = 0; t < arguments.tiles; ++t) {
      const uint count = counts[t * kDigits + index];
      total += count;
      if (t < tile) below += count;
    }
  }
  const uint smaller = simd_prefix_exclusive_sum(total);
  if (index < kDigits && lane == kSimd - 1) room[simdgroup] = smaller + total;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (index < kDigits) {
    uint start = smaller + below;
    for (uint s = 0; s < simdgroup; ++s) start += room[s];
    starts[index] = start;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  if (!has) return;
  const uint to = starts[digit] + before[simdgroup][digit] + earlier;
  sorted_keys[to] = key;
  sorted_places[to] = kInPlace != 0 ? i : places[i];
}

#else  // the host's part
namespace nano::metal {
namespace {

constexpr int kTile = 1024, kDigitBits = 8, kDigits = 1 << kDigitBits;

// Scratch: counts[tiles][kDigits], places[2][n], keys[2][n].
int64_t Tiles(int64_t n) { return DivideUp(n, kTile); }

}  // namespace

size_t ScratchSort(int64_t n) {
  const int64_t words = Tiles(n) * kDigits + 4 * n;
  return static_cast<size_t>(DivideUp(words * static_cast<int64_t>(sizeof(uint32_t)), 64) * 64);
}

Outcome Sort(const Call& call, Message& message, const int32_t* keys, int64_t n, int64_t limit, void* scratch,
             Sorted& sorted) {
  auto* const counts = static_cast<uint32_t*>(scratch);
  uint32_t* const places = counts + Tiles(n) * kDigits;
  auto* const room = reinterpret_cast<int32_t*>(places + 2 * n);
  const Grid grid = {Tiles(n), kTile};
  sorted = {keys, nullptr};
  for (int shift = 0, pass = 0; pass == 0 || (limit - 1) >> shift > 0; shift += kDigitBits, ++pass) {
    const SortArguments arguments = {static_cast<uint32_t>(n), static_cast<uint32_t>(Tiles(n)),
                                     static_cast<uint32_t>(shift)};
    Outcome outcome = Launch(call, message, grid, {"sort", "count_digits"}, {0}, arguments, {counts, sorted.keys});
    if (outcome != Outcome::kOk) return outcome;
    int32_t* const to_keys = room + pass % 2 * n;
    uint32_t* const to_places = places + pass % 2 * n;
    const void* from_places = pass == 0 ? to_places : sorted.places;  // a buffer must be bound
    outcome = Launch(call, message, grid, {"sort", "place_by_digit"}, {pass == 0}, arguments,
                     {to_keys, to_places, sorted.keys, from_places, counts});
    if (outcome != Outcome::kOk) return outcome;
    sorted = {to_keys, to_places};
  }
  return Outcome::kOk;
}

}  // namespace nano::metal
#endif
