// Metal's side of the emulated GPU: dispatches, threadgroup memory, and the functions that compiled
// shaders call (shim.h). Every operation of a simdgroup is a collective (common/fibres.h). Metal
// allows divergent simd_ operations, which work on the active lanes, but this emulator reports
// them, because no kernel here needs them.
#include "msl/dispatch.h"

#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "common/races.h"

namespace emulate {
const Language language{"metal",     "threadgroup",
                        "simdgroup", "threadgroup_barrier",
                        "buffer",    ": it belongs to a committed command buffer that has not been waited for",
                        false};

namespace {

// A kernel's attributes, in the order of shim.h.
struct Context {
  Index thread_position_in_grid, thread_position_in_threadgroup, threadgroup_position_in_grid;
  Index threads_per_threadgroup, dispatch_threads_per_threadgroup, threadgroups_per_grid, threads_per_grid;
  unsigned thread_index_in_threadgroup, thread_index_in_simdgroup, simdgroup_index_in_threadgroup;
  unsigned simdgroups_per_threadgroup, threads_per_simdgroup;
};
Context contexts[kMaxThreads];

const Dispatch* job;
unsigned first_group;  // the first group's number in the race detector

// ---- Threadgroup memory: each variable and each argument ends at its own guard page.
constexpr size_t kPage = 4096, kCell = kThreadgroupMemory + 2 * kPage;
constexpr int kCells = 96;
std::vector<Allocation> variables;  // of the dispatch; the note holds the name
std::vector<int> variable_at;       // by slot: index plus one; 0: none yet
int arguments[kSlots];              // the same, by argument index
size_t used;

void MakeVariable(size_t size, std::string name) {
  used += (size + 15) / 16 * 16;
  if (used > kThreadgroupMemory) Fail("%zu bytes of threadgroup memory; there are %zu", used, kThreadgroupMemory);
  if (variables.size() == kCells) Fail("more than %d threadgroup variables", kCells);
  char* guard = shared_range.begin + (variables.size() + 1) * kCell - kPage;
  variables.push_back(Map(guard - WholeHostPages(size), size));
  variables.back().note = std::move(name);
}
void PoisonVariables() {
  for (const Allocation& v : variables) memset(v.mapping, kPoison, v.mapped);
}
void CheckVariables() {  // reports writes around them
  for (const Allocation& v : variables)
    if (BytesWrittenAround(v, 64))
      Fail("threadgroup (%u,%u,%u) wrote past the %zu bytes of %s", group_index.x, group_index.y, group_index.z, v.size,
           v.note.c_str());
}
void ReleaseVariables() {
  for (const Allocation& v : variables) SetAccess(v, PROT_NONE);
  variables.clear();
  variable_at.clear();
  std::fill(arguments, arguments + kSlots, 0);
  used = 0;
}

void RunGroups(const Dispatch& d, Index groups) {
  const unsigned count = groups.x * groups.y * groups.z;
  if (d.races && !d.concurrent) {
    ForgetAccesses();
    first_group = 0;
  }
  for (unsigned i = 0; i < count; ++i) {
    const Index g = GroupAt(i);
    PoisonVariables();
    if (d.races) BeginRaceGroup(first_group + GroupNumber(g));
    RunGroup(g, {std::min(d.group.x, d.threads.x - g.x * d.group.x), std::min(d.group.y, d.threads.y - g.y * d.group.y),
                 std::min(d.group.z, d.threads.z - g.z * d.group.z)});
    CheckVariables();
  }
  first_group += count;
}
}  // namespace

std::string DescribeShared(const void* p) {
  const size_t at = size_t(static_cast<const char*>(p) - shared_range.begin) / kCell;
  if (at >= variables.size()) return "threadgroup memory that there is not";
  const Allocation& v = variables[at];
  const ptrdiff_t offset = static_cast<const char*>(p) - v.base;
  const char* where = offset < 0 || offset >= ptrdiff_t(v.size) ? ", outside of it," : "";
  return "threadgroup memory: " + v.note + " (" + std::to_string(v.size) + " bytes)" + where + " at byte " +
         std::to_string(offset);
}

Place PlaceOf(const char* p, size_t size, Kind kind) {
  const char* end = p + size;
  if (shared_range.has(p)) {
    const size_t at = size_t(p - shared_range.begin) / kCell;
    if (at < variables.size() && p >= variables[at].base) {
      const Allocation& v = variables[at];
      if (end <= v.base + v.size) return {Place::kShared, nullptr, p};
      p = std::max(const_cast<const char*>(v.base) + v.size, p);
    }
    return {Place::kShared, "out of bounds:", p};
  }
  if (arena_range.has(p)) {
    const Allocation* a = FindAllocation(p);
    const bool bound = a && !a->note.empty();
    if (bound && end <= a->base + a->size) return {Place::kDevice, nullptr, p};
    return {Place::kDevice, "out of bounds:", bound && p < a->base + a->size ? a->base + a->size : p};
  }
  const auto* attributes = reinterpret_cast<const char*>(contexts);
  if (p >= attributes && end <= attributes + sizeof contexts) return {Place::kOther, nullptr, p};
  for (const Binding& b : job->buffers)
    if (p >= b.data && end <= b.data + b.size) return {Place::kOther, nullptr, p};
  return {Place::kOther, kind == Kind::kRead && image_range.has(p) ? nullptr : "a kernel touches", p};
}

std::string RunDispatch(const Dispatch& d) {
  job = &d;
  image_range = d.image;
  races = d.races ? &race_hooks : nullptr;
  const auto groups = [](unsigned threads, unsigned group) { return (threads + group - 1) / group; };
  const Index grid{groups(d.threads.x, d.group.x), groups(d.threads.y, d.group.y), groups(d.threads.z, d.group.z)};
  BeginGrid({reinterpret_cast<const void*>(d.entry), [](void*) { job->entry(); }, nullptr}, grid);
  if (!shared_range.begin) shared_range = Reserve(kCells * kCell, PROT_NONE);
  for (int i = 0; i < kSlots; ++i)
    if (Allocation* a = d.buffers[i].allocation) a->note = "; bound at index " + std::to_string(i);
  std::string problem;
  try {
    for (int i = 0; i < kSlots; ++i) {
      if (!d.threadgroup_bytes[i]) continue;
      MakeVariable(d.threadgroup_bytes[i], "argument " + std::to_string(i));
      arguments[i] = int(variables.size());
    }
    RunGroups(d, grid);
  } catch (const Failure& failure) {
    problem = failure.text;
  }
  EndGrid();
  ReleaseVariables();
  for (const Binding& b : d.buffers)
    if (b.allocation) b.allocation->note.clear();
  return problem;
}

// ---- Number types of shaders.
namespace {

enum Type { kFloat, kHalf, kBfloat, kInt, kUint, kShort, kUshort, kChar, kUchar };
constexpr int kSizes[] = {4, 2, 2, 4, 4, 2, 2, 1, 1};

struct Half {
  uint16_t bits;
  Half() = default;
  Half(float f) : bits(uint16_t(_cvtss_sh(f, 0))) {}
  operator float() const { return _cvtsh_ss(bits); }
};
struct Bfloat {
  uint16_t bits;
  Bfloat() = default;
  Bfloat(float f) {
    const auto u = __builtin_bit_cast(uint32_t, f);
    bits = uint16_t(f != f ? u >> 16 | 0x40 : (u + 0x7FFF + (u >> 16 & 1)) >> 16);
  }
  operator float() const { return __builtin_bit_cast(float, uint32_t(bits) << 16); }
};

// Calls f(T()) with the C++ type T of `type`.
template <class F>
void WithType(int type, F f) {
  switch (type) {
    case kFloat:
      return f(float());
    case kHalf:
      return f(Half());
    case kBfloat:
      return f(Bfloat());
    case kInt:
      return f(int32_t());
    case kUint:
      return f(uint32_t());
    case kShort:
      return f(int16_t());
    case kUshort:
      return f(uint16_t());
    case kChar:
      return f(int8_t());
    default:
      return f(uint8_t());
  }
}

// ---- Operations of a simdgroup, with the numbers that shim.h assigns.
enum Operation {
  kSum,
  kProduct,
  kMax,
  kMin,
  kAnd,
  kOr,
  kXor,  // over all lanes
  kInclusiveSum,
  kExclusiveSum,
  kInclusiveProduct,
  kExclusiveProduct,
  kBroadcastFirst,
  kShuffle,
  kShuffleXor,
  kShuffleUp,
  kShuffleDown,
  kBroadcast,
  kRotateUp,
  kRotateDown,
  kBallot,
  kOperations
};
constexpr const char* kNames[] = {"simd_sum",
                                  "simd_product",
                                  "simd_max",
                                  "simd_min",
                                  "simd_and",
                                  "simd_or",
                                  "simd_xor",
                                  "simd_prefix_inclusive_sum",
                                  "simd_prefix_exclusive_sum",
                                  "simd_prefix_inclusive_product",
                                  "simd_prefix_exclusive_product",
                                  "simd_broadcast_first",
                                  "simd_shuffle",
                                  "simd_shuffle_xor",
                                  "simd_shuffle_up",
                                  "simd_shuffle_down",
                                  "simd_broadcast",
                                  "simd_shuffle_rotate_up",
                                  "simd_shuffle_rotate_down",
                                  "simd_ballot"};
static_assert(sizeof(kNames) / sizeof(kNames[0]) == kOperations);

struct Simd {
  void* values;  // `count` values: the operands, then the results
  int operation, type, count;
  unsigned argument;
  unsigned width;  // 32, or 4 for a quad operation
};

template <class T>
T Combine(int operation, T a, T b) {
  switch (operation) {
    case kProduct:
    case kInclusiveProduct:
    case kExclusiveProduct:
      return T(a * b);
    case kMax:
      return a < b ? b : a;
    case kMin:
      return b < a ? b : a;
    default:
      return T(a + b);
  }
}
template <class T>
T CombineBits(int operation, T a, T b) {
  return T(operation == kAnd ? a & b : operation == kOr ? a | b : a ^ b);
}

// Reduces neighbouring pairs, then pairs of pairs: one of the orders that hardware may use.
template <class T>
void Reduce(T* values, int lanes, int width, T (*combine)(int, T, T), int operation) {
  for (int first = 0; first < lanes; first += width) {
    const int n = std::min(width, lanes - first);
    T* x = values + first;
    for (int w = 1; w < n; w *= 2)
      for (int i = 0; i + w < n; i += 2 * w) x[i] = combine(operation, x[i], x[i + w]);
    std::fill(x + 1, x + n, x[0]);
  }
}

template <class T>
void Prefix(T* values, int lanes, int operation) {
  const bool inclusive = operation == kInclusiveSum || operation == kInclusiveProduct;
  const bool product = operation == kInclusiveProduct || operation == kExclusiveProduct;
  T so_far = T(product ? 1 : 0);
  for (int i = 0; i < lanes; ++i) {
    const T next = Combine<T>(operation, so_far, values[i]);
    values[i] = inclusive ? next : so_far;
    so_far = next;
  }
}

// The lane that lane i's result comes from, or -1 if Metal leaves it undefined.
int SourceOf(const Simd& s, int i, int lanes) {
  const int k = int(s.argument), width = int(s.width), first = i / width * width;
  int from = first + k;
  switch (s.operation) {
    case kBroadcastFirst:
      from = first;
      break;
    case kShuffleXor:
      from = first + ((i - first) ^ k);
      break;
    case kShuffleUp:
      from = i - k < first ? i : i - k;
      break;
    case kShuffleDown:
      from = i + k >= first + width ? i : i + k;
      break;
    case kRotateUp:
      from = first + (i - first - k % width + width) % width;
      break;
    case kRotateDown:
      from = first + (i - first + k) % width;
      break;
  }
  return from < first || from >= first + width || from >= lanes ? -1 : from;
}

template <class T>
void ExecuteAs(void* const* operands, int lanes) {
  const Simd& s = *static_cast<Simd*>(operands[0]);
  T values[32], results[32];
  for (int c = 0; c < s.count; ++c) {
    for (int i = 0; i < lanes; ++i) values[i] = static_cast<T*>(static_cast<Simd*>(operands[i])->values)[c];
    const T* result = values;
    if (s.operation <= kMin) {
      Reduce<T>(values, lanes, int(s.width), Combine<T>, s.operation);
    } else if (s.operation <= kXor) {
      if constexpr (std::is_integral_v<T>) Reduce<T>(values, lanes, int(s.width), CombineBits<T>, s.operation);
    } else if (s.operation <= kExclusiveProduct) {
      Prefix<T>(values, lanes, s.operation);
    } else if (s.operation == kBallot) {
      unsigned all = 0;
      for (int i = 0; i < lanes; ++i) all |= unsigned(float(values[i]) != 0) << i;
      if constexpr (std::is_same_v<T, uint32_t>) std::fill(results, results + lanes, all);
      result = results;
    } else {
      for (int i = 0; i < lanes; ++i) {
        const int from = SourceOf(*static_cast<Simd*>(operands[i]), i, lanes);
        if (from < 0)
          memset(&results[i], kPoison, sizeof(T));
        else
          results[i] = values[from];
      }
      result = results;
    }
    for (int i = 0; i < lanes; ++i) static_cast<T*>(static_cast<Simd*>(operands[i])->values)[c] = result[i];
  }
}
int LanesIn(unsigned mask) { return __builtin_popcount(mask); }  // active lanes are always the first ones

void ExecuteSimd(void* const* operands, unsigned mask) {
  const Simd& s = *static_cast<Simd*>(operands[0]);
  const int lanes = LanesIn(mask);
  if (s.operation == kShuffleUp || s.operation == kShuffleDown || s.operation == kBroadcast ||
      s.operation == kRotateUp || s.operation == kRotateDown)
    for (int i = 1; i < lanes; ++i)
      if (static_cast<Simd*>(operands[i])->argument != s.argument)
        Fail("%s with a lane or distance that differs between lanes", kNames[s.operation]);
  WithType(s.type, [&](auto t) { ExecuteAs<decltype(t)>(operands, lanes); });
}

// ---- Matrices of 8 x 8. Element i, in row-major order, is in lane kHome(i) % 32, half kHome(i) /
// 32. This layout is deliberately different from the hardware's.
constexpr int kHome(int i) { return (i * 11 + 5) & 63; }
struct Elements {
  uint8_t in[64];  // element held by each lane and half
  constexpr Elements() : in() {
    for (int i = 0; i < 64; ++i) in[kHome(i)] = uint8_t(i);
  }
};
constexpr Elements kElements;

// Operands are kept small: 32 lanes, each with its own stack, must fit into the cache together.
struct MatrixMemory {
  void* registers;  // the lane's two elements
  char* first;      // in memory
  ptrdiff_t down, right;
};
const void* memory_pc;
void CheckMatrix(unsigned mask) {
  if (mask != ~0u) Fail("a simdgroup matrix operation needs all 32 lanes");
}
template <class T, bool kStores>
void Transfer(void* const* operands, unsigned mask) {
  CheckMatrix(mask);
  const MatrixMemory m = *static_cast<MatrixMemory*>(operands[0]);
  const int thread = WarpInGroup() * 32;
  for (int lane = 0; lane < 32; ++lane) {
    const auto& mine = *static_cast<MatrixMemory*>(operands[lane]);
    if (mine.first != m.first || mine.down != m.down || mine.right != m.right)
      Fail("a simdgroup matrix operation with an address that differs between lanes");
    for (int half = 0; half < 2; ++half) {
      const int element = kElements.in[lane + 32 * half];
      char* at = m.first + (element >> 3) * m.down + (element & 7) * m.right;
      if (races) Touch(at, sizeof(T), kStores ? Kind::kWrite : Kind::kRead, memory_pc, thread + lane);
      T* own = static_cast<T*>(mine.registers) + half;
      if (kStores)
        memcpy(at, own, sizeof(T));
      else
        memcpy(own, at, sizeof(T));
    }
  }
}
template <bool kStores>
void TransferMatrix(void* registers, int type, char* memory, uint64_t stride, uint64_t x, uint64_t y, bool transpose,
                    Site site) {
  const auto size = ptrdiff_t(kSizes[type]), row = ptrdiff_t(stride) * size;
  MatrixMemory mine{registers, memory + ptrdiff_t(y) * row + ptrdiff_t(x) * size, transpose ? size : row,
                    transpose ? row : size};
  memory_pc = site.pc;
  Collective(kStores ? "simdgroup_store" : "simdgroup_load", ~0u, &mine,
             size == 4 ? Transfer<uint32_t, kStores> : Transfer<uint16_t, kStores>, site);
}

struct Gemm {
  void* to;
  const void *a, *b, *c;
};
int product_types[4];  // of to, a, b and c

using Numbers = float[64];  // row-major
template <class T>
void GatherAs(void* const* operands, const void* Gemm::*member, Numbers& to) {
  for (int lane = 0; lane < 32; ++lane) {
    auto* from = static_cast<const T*>(static_cast<Gemm*>(operands[lane])->*member);
    to[kElements.in[lane]] = float(from[0]);
    to[kElements.in[lane + 32]] = float(from[1]);
  }
}
void Gather(void* const* operands, const void* Gemm::*member, int type, Numbers& to) {
  if (type == kFloat) return GatherAs<float>(operands, member, to);
  if (type == kHalf) return GatherAs<Half>(operands, member, to);
  return GatherAs<Bfloat>(operands, member, to);
}
template <class T>
void Scatter(void* const* operands, const Numbers& from) {
  for (int lane = 0; lane < 32; ++lane) {
    auto* to = static_cast<T*>(static_cast<Gemm*>(operands[lane])->to);
    to[0] = T(from[kElements.in[lane]]);
    to[1] = T(from[kElements.in[lane + 32]]);
  }
}
// Sums in f32, one term at a time.
void MultiplyAccumulate(const Numbers& a, const Numbers& b, Numbers& c) {
  for (int r = 0; r < 8; ++r) {
    __m256 sum = _mm256_loadu_ps(c + r * 8);
    for (int k = 0; k < 8; ++k) sum = _mm256_fmadd_ps(_mm256_set1_ps(a[r * 8 + k]), _mm256_loadu_ps(b + k * 8), sum);
    _mm256_storeu_ps(c + r * 8, sum);
  }
}
void ExecuteProduct(void* const* operands, unsigned mask) {
  CheckMatrix(mask);
  Numbers a, b, c;
  Gather(operands, &Gemm::a, product_types[1], a);
  Gather(operands, &Gemm::b, product_types[2], b);
  Gather(operands, &Gemm::c, product_types[3], c);
  MultiplyAccumulate(a, b, c);
  if (product_types[0] == kFloat) return Scatter<float>(operands, c);
  if (product_types[0] == kHalf) return Scatter<Half>(operands, c);
  Scatter<Bfloat>(operands, c);
}

// ---- Atomics, with the numbers that shim.h assigns.
enum AtomicOperation {
  kLoad,
  kStore,
  kExchange,
  kFetchAdd,
  kFetchSub,
  kFetchAnd,
  kFetchOr,
  kFetchXor,
  kFetchMin,
  kFetchMax,
  kCompareExchange
};
template <class T>
T Update(int operation, T old, T value) {
  switch (operation) {
    case kLoad:
      return old;
    case kFetchAdd:
      return old + value;
    case kFetchSub:
      return old - value;
    case kFetchMin:
      return value < old ? value : old;
    case kFetchMax:
      return old < value ? value : old;
  }
  if constexpr (std::is_integral_v<T>) {
    if (operation == kFetchAnd) return old & value;
    if (operation == kFetchOr) return old | value;
    if (operation == kFetchXor) return old ^ value;
  }
  return value;
}
template <class T>
uint32_t UpdateBits(int operation, uint32_t old, uint32_t value) {
  const T now = Update(operation, __builtin_bit_cast(T, old), __builtin_bit_cast(T, value));
  return __builtin_bit_cast(uint32_t, now);
}

Site Here(const void* pc) { return {nullptr, 0, pc}; }
#define HERE __builtin_return_address(0)

}  // namespace
}  // namespace emulate

// ---- Functions that compiled shaders call, declared in shim.h.
using namespace emulate;
#pragma GCC visibility push(default)
extern "C" {

const Context* msl_get_context() {
  Context& c = contexts[ThreadInGroup()];
  const Index &t = thread_index, &g = group_index, &full = job->group;
  c.thread_position_in_threadgroup = t;
  c.thread_position_in_grid = {g.x * full.x + t.x, g.y * full.y + t.y, g.z * full.z + t.z};
  c.threadgroup_position_in_grid = g;
  c.threads_per_threadgroup = group_size;
  c.dispatch_threads_per_threadgroup = full;
  c.threadgroups_per_grid = grid_size;
  c.threads_per_grid = job->threads;
  c.thread_index_in_threadgroup = unsigned(ThreadInGroup());
  c.thread_index_in_simdgroup = unsigned(Lane());
  c.simdgroup_index_in_threadgroup = unsigned(WarpInGroup());
  c.simdgroups_per_threadgroup = unsigned(ThreadCount() + 31) / 32;
  c.threads_per_simdgroup = 32;
  return &c;
}
const void* msl_arg_buffer(uint32_t index) { return job->buffers[index].data; }
void* msl_arg_threadgroup(uint32_t index) { return variables[size_t(arguments[index] - 1)].base; }
void* msl_tg_var(uint32_t slot, uint64_t bytes) {
  if (variable_at.size() <= slot) variable_at.resize(slot + 1);
  if (!variable_at[slot]) {
    MakeVariable(bytes, "variable " + std::to_string(variables.size() + 1));
    variable_at[slot] = int(variables.size());
  }
  return variables[size_t(variable_at[slot] - 1)].base;
}

void msl_threadgroup_barrier(uint32_t flags) { GroupBarrier(Here(HERE), flags & kAllMemory); }
void msl_simdgroup_barrier(uint32_t flags) { WarpBarrier("simdgroup_barrier", ~0u, Here(HERE), flags & kAllMemory); }

void msl_simd(int operation, int type, void* values, int count, uint32_t argument, uint32_t width) {
  Simd mine{values, operation, type, count, argument, width};
  Collective(kNames[operation], ~0u, &mine, ExecuteSimd, Here(HERE));
}

void msl_matrix_load(void* to, int type, char* memory, uint64_t stride, uint64_t x, uint64_t y, int transpose) {
  TransferMatrix<false>(to, type, memory, stride, x, y, transpose, Here(HERE));
}
void msl_matrix_store(void* from, int type, char* memory, uint64_t stride, uint64_t x, uint64_t y, int transpose) {
  TransferMatrix<true>(from, type, memory, stride, x, y, transpose, Here(HERE));
}
void msl_matrix_multiply(void* to, int type, const void* a, int type_a, const void* b, int type_b, const void* c,
                         int type_c) {
  Gemm mine{to, a, b, c};
  product_types[0] = type, product_types[1] = type_a, product_types[2] = type_b, product_types[3] = type_c;
  Collective("simdgroup_multiply_accumulate", ~0u, &mine, ExecuteProduct, Here(HERE));
}

// A 4-byte atomic. A compare-exchange sets bit 32 of the result on failure; under
// Schedule::kShuffle it sometimes fails spuriously, as `weak` allows.
uint64_t msl_atomic(int operation, int type, uint32_t* address, uint32_t value, uint32_t expected) {
  Touch(address, 4, Kind::kAtomic, HERE);
  const uint32_t old = *address;
  uint64_t failed = 0;
  if (operation == kCompareExchange) {
    const bool spurious = CurrentSchedule() == Schedule::kShuffle && (RandomNumber() & 3) == 0;
    if (old != expected || spurious)
      failed = uint64_t(1) << 32;
    else
      *address = value;
  } else if (type == kFloat) {
    *address = UpdateBits<float>(operation, old, value);
  } else if (type == kInt) {
    *address = UpdateBits<int32_t>(operation, old, value);
  } else {
    *address = UpdateBits<uint32_t>(operation, old, value);
  }
  Yield();  // lets the other threads run while one spins
  return old | failed;
}

// libgcc 12 lacks this conversion to bf16, which Clang calls. The result is returned in xmm0, as a
// __bf16.
asm(R"(
  .globl __truncsfbf2
  .type __truncsfbf2, @function
__truncsfbf2:
  subq $8, %rsp
  call msl_to_bfloat@PLT
  addq $8, %rsp
  movd %eax, %xmm0
  ret
)");
uint32_t msl_to_bfloat(float f) { return Bfloat(f).bits; }
}
#pragma GCC visibility pop
