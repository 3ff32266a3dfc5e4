// Tests every instruction of ptx.cuh, and the CUDA functions that kernels use on the device,
// against NVIDIA's manuals. On the emulator this tests the emulated versions of the instructions.
// Built by nvcc for a GPU, it tests our reading of the manuals:
//   nano-ptx-test        prints a line per test; exits with 1 if one failed
//
// Expectations are computed on the host, element by element from the tables of the PTX ISA ("Matrix
// fragments for mma.m16n8k16 …"), with arithmetic in double. Exact operations must match bit for
// bit. An mma may sum in any order and truncate where f32 would round: the bound is (K + 1) · 2⁻²³
// · Σ|terms| for K products and a summand.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "cuda/ptx.cuh"

namespace {

constexpr int kLanes = 32;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

void Must(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::printf("FAIL %s: %s\n", what, cudaGetErrorString(error));
  std::exit(2);
}

template <class T>
class Array {
 public:
  explicit Array(size_t count) : count_(count) {
    Must(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)), "cudaMalloc");
    Set(std::vector<T>(count));
  }
  explicit Array(const std::vector<T>& from) : Array(from.size()) { Set(from); }
  ~Array() { cudaFree(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  std::vector<T> Get() const {
    std::vector<T> to(count_);
    Must(cudaMemcpy(to.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost), "a copy from the device");
    return to;
  }
  T* data() const { return data_; }

 private:
  void Set(const std::vector<T>& from) {
    Must(cudaMemcpy(data_, from.data(), count_ * sizeof(T), cudaMemcpyHostToDevice), "a copy to the device");
  }
  T* data_ = nullptr;
  size_t count_;
};

template <class... Parameters, class... Arguments>
void Run(void (*kernel)(Parameters...), int blocks, int threads, Arguments... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  Must(cudaLaunchKernelEx(&config, kernel, arguments...), "a launch");
  Must(cudaDeviceSynchronize(), "a kernel");
}

std::mt19937 generator;
uint32_t Word() { return static_cast<uint32_t>(generator()); }
float Normal() { return std::normal_distribution<float>()(generator); }
float Whole() { return static_cast<float>(static_cast<int>(Word() % 17) - 8); }

uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}
float FloatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// The first error of a test; empty if it passed.
std::string problem;

void Wrong(const char* what, size_t at, double got, double expected) {
  char text[160];
  std::snprintf(text, sizeof(text), "%s %zu is %.9g, expected %.9g", what, at, got, expected);
  if (problem.empty()) problem = text;
}
// Requires equal bits, except that any NaN equals any NaN.
void Exact(const char* what, size_t at, float got, float expected) {
  if (BitsOf(got) != BitsOf(expected) && !(std::isnan(got) && std::isnan(expected))) Wrong(what, at, got, expected);
}
void Exact(const char* what, size_t at, uint32_t got, uint32_t expected) {
  if (got != expected) Wrong(what, at, got, expected);
}
void Within(const char* what, size_t at, double got, double expected, double bound) {
  if (!(std::fabs(got - expected) <= bound)) Wrong(what, at, got, expected);
}

// Rounds to nearest with `bits` bits after the leading one; ties go to even or away from zero.
// Exponents are f32's.
float RoundedTo(int bits, bool ties_to_even, float value) {
  if (std::isnan(value) || std::isinf(value) || value == 0) return value;
  int exponent;
  std::frexp(static_cast<double>(value), &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent - 1, -126) - bits), units = value / unit;
  const double whole = ties_to_even ? std::nearbyint(units) : std::round(units);
  return static_cast<float>(std::copysign(whole * unit, value));  // infinite if too large for f32
}
float ToBf16(float value) { return RoundedTo(7, true, value); }
float ToTf32(float value) { return RoundedTo(10, false, value); }

// Floats of every kind: random bits, ties of both formats, and the ends of the range.
std::vector<float> Floats() {
  std::vector<float> values = {0.0f, -0.0f, 1.0f, -1.0f, kInfinity, -kInfinity, kNan};
  for (const uint32_t bits :
       {0x7F7FFFFFu, 0xFF7FFFFFu, 0x7F7FEFFFu, 0x7F7FF000u, 0x7F7F7FFFu, 0x7F7F8000u, 0x00800000u, 0x007FFFFFu,
        0x00000001u, 0x80000001u, 0x00001000u, 0x00000FFFu, 0x7F800001u, 0xFFC12345u}) {
    values.push_back(FloatOf(bits));
  }
  while (values.size() < 2048) {
    const uint32_t word = Word(), kind = Word() % 8;
    const uint32_t ties = kind == 0   ? (word & 0xFFFF0000u) | 0x8000u
                          : kind == 1 ? (word & 0xFFFFE000u) | 0x1000u
                          : kind == 2 ? word & 0x807FFFFFu  // subnormal
                                      : word;
    values.push_back(FloatOf(ties));
  }
  return values;
}

// ---- mma: fragments of 32 lanes, from the tables of the PTX ISA.

struct At {
  int row, column;
};
struct Layout {
  int terms, per_register;  // K; elements per register
  At (*a)(int group, int thread, int i);
  At (*b)(int group, int thread, int i);
};
// "Matrix Fragments for mma.m16n8k16 with floating point type"
constexpr Layout kBf16Layout = {16, 2,
                                [](int group, int thread, int i) -> At {
                                  const int row = (0 <= i && i < 2) || (4 <= i && i < 6) ? group : group + 8;
                                  return {row, i < 4 ? thread * 2 + (i & 1) : thread * 2 + (i & 1) + 8};
                                },
                                [](int group, int thread, int i) -> At {
                                  return {i < 2 ? thread * 2 + (i & 1) : thread * 2 + (i & 1) + 8, group};
                                }};
// "Matrix Fragments for mma.m16n8k8", .tf32
constexpr Layout kTf32Layout = {8, 1,
                                [](int group, int thread, int i) -> At {
                                  return {i == 0 || i == 2 ? group : group + 8, i == 0 || i == 1 ? thread : thread + 4};
                                },
                                [](int group, int thread, int i) -> At {
                                  return {i == 0 ? thread : thread + 4, group};
                                }};
// c and d, both f32
At AtC(int group, int thread, int i) { return {i < 2 ? group : group + 8, thread * 2 + (i & 1)}; }

// c + a·b with a 16 × K and b K × 8.
struct Matrices {
  explicit Matrices(const Layout& layout)
      : layout(layout), a(16 * static_cast<size_t>(layout.terms)), b(8 * static_cast<size_t>(layout.terms)), c(128) {}
  float& A(int i, int k) { return a[static_cast<size_t>(i * layout.terms + k)]; }
  float& B(int k, int j) { return b[static_cast<size_t>(k * 8 + j)]; }
  float& C(int i, int j) { return c[static_cast<size_t>(i * 8 + j)]; }

  const Layout& layout;
  std::vector<float> a, b, c;
};

template <class Draw>
Matrices Random(const Layout& layout, const Draw& draw) {
  Matrices it(layout);
  for (float& value : it.a) value = draw();
  for (float& value : it.b) value = draw();
  for (float& value : it.c) value = draw();
  return it;
}

template <bool kBf16>
__global__ void Mma(const unsigned* a, const unsigned* b, float* d) {
  const int lane = static_cast<int>(threadIdx.x);
  unsigned x[4], y[2];
  float sums[4];
  for (int i = 0; i < 4; ++i) x[i] = a[lane * 4 + i], sums[i] = d[lane * 4 + i];
  for (int i = 0; i < 2; ++i) y[i] = b[lane * 2 + i];
  if constexpr (kBf16) {
    ptx::mma_bf16(sums, x, y);
  } else {
    ptx::mma_tf32(sums, x, y);
  }
  for (int i = 0; i < 4; ++i) d[lane * 4 + i] = sums[i];
}

// The registers of all lanes. `noise` fills the low bits that tf32 does not have.
template <class Element>
std::vector<unsigned> Fragments(const Layout& layout, int registers, uint32_t noise, const Element& element) {
  std::vector<unsigned> result(static_cast<size_t>(kLanes * registers));
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int i = 0; i < registers * layout.per_register; ++i) {
      const uint32_t bits = BitsOf(element(lane / 4, lane % 4, i));
      unsigned& to = result[static_cast<size_t>(lane * registers + i / layout.per_register)];
      to |= layout.per_register == 1 ? bits | (noise & Word()) : i % 2 == 0 ? bits >> 16 : bits & 0xFFFF0000u;
    }
  }
  return result;
}

// The d of a product, in row-major order.
std::vector<float> Multiply(Matrices& it, uint32_t noise = 0) {
  const Array<unsigned> a(Fragments(it.layout, 4, noise, [&](int group, int thread, int i) {
    const At at = it.layout.a(group, thread, i);
    return it.A(at.row, at.column);
  }));
  const Array<unsigned> b(Fragments(it.layout, 2, noise, [&](int group, int thread, int i) {
    const At at = it.layout.b(group, thread, i);
    return it.B(at.row, at.column);
  }));
  std::vector<float> fragments(kLanes * 4);
  const auto for_c = [&](const auto& body) {
    for (int lane = 0; lane < kLanes; ++lane) {
      for (int i = 0; i < 4; ++i) body(fragments[static_cast<size_t>(lane * 4 + i)], AtC(lane / 4, lane % 4, i));
    }
  };
  for_c([&](float& value, At at) { value = it.C(at.row, at.column); });
  const Array<float> d(fragments);
  Run(it.layout.terms == 16 ? Mma<true> : Mma<false>, 1, kLanes, a.data(), b.data(), d.data());
  fragments = d.Get();
  std::vector<float> result(128);
  for_c([&](float& value, At at) { result[static_cast<size_t>(at.row * 8 + at.column)] = value; });
  return result;
}

// With `exact`, all sums and terms are exact in f32. Otherwise `worst` becomes the largest error ÷
// bound.
void Compare(Matrices& it, const std::vector<float>& got, bool exact) {
  const int terms = it.layout.terms;
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 8; ++j) {
      double sum = it.C(i, j), size = std::fabs(sum);
      for (int k = 0; k < terms; ++k) {
        const double product = static_cast<double>(it.A(i, k)) * it.B(k, j);
        sum += product, size += std::fabs(product);
      }
      const size_t at = static_cast<size_t>(i * 8 + j);
      if (exact) {
        Exact("element", at, got[at], static_cast<float>(sum) + 0.0f);
      } else {
        Within("element", at, got[at], sum, (terms + 1) * 0x1p-23 * size);
      }
    }
  }
}

// Small integers: they reveal every misplaced element and never round.
void TestLayout(const Layout& layout) {
  for (int round = 0; round < 4; ++round) {
    Matrices it = Random(layout, Whole);
    Compare(it, Multiply(it), true);
  }
}
void TestSums(const Layout& layout, float (*round_to)(float)) {
  for (int round = 0; round < 16; ++round) {
    Matrices it = Random(layout, [&] { return round_to(std::ldexp(Normal(), static_cast<int>(Word() % 9) - 4)); });
    for (float& value : it.c) value = Normal();
    Compare(it, Multiply(it), false);
  }
}
// Powers of two at the low end of the range, whose products do not underflow.
void TestSubnormals(const Layout& layout) {
  Matrices it(layout);
  for (int i = 0; i < 16; ++i) it.A(i, i % layout.terms) = 0x1p-130f;
  for (int j = 0; j < 8; ++j) it.B(j, j) = 0x1p40f;
  Compare(it, Multiply(it), true);
}
void TestNotFinite(const Layout& layout) {
  Matrices it = Random(layout, [] { return 1.0f; });
  it.A(3, 1) = kInfinity, it.A(5, 2) = kNan, it.B(4, 6) = kInfinity, it.C(9, 0) = -kInfinity;
  it.A(12, 4) = -1;
  const std::vector<float> got = Multiply(it);
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < 8; ++j) {
      float sum = it.C(i, j);
      for (int k = 0; k < layout.terms; ++k) sum += it.A(i, k) * it.B(k, j);
      Exact("element", static_cast<size_t>(i * 8 + j), got[static_cast<size_t>(i * 8 + j)], sum);
    }
  }
}
void TestLowBits() {
  Matrices it = Random(kTf32Layout, Whole);
  Compare(it, Multiply(it, 0x1FFF), true);
}

// ---- Conversions and arithmetic.

__global__ void ToTf32Kernel(const float* x, unsigned* y) { y[threadIdx.x] = ptx::to_tf32(x[threadIdx.x]); }
__global__ void PackBf16Kernel(const float* x, unsigned* y) {
  y[threadIdx.x] = ptx::pack_bf16(x[2 * threadIdx.x], x[2 * threadIdx.x + 1]);
}
__global__ void Bf16Kernel(const float* x, float* y) {
  y[threadIdx.x] = __bfloat162float(__float2bfloat16(x[threadIdx.x]));
}

constexpr int kMostThreads = 1024;

// Runs kernel(x, y) on all of x; each result takes `each` elements of x.
template <class T>
std::vector<T> Map(void (*kernel)(const float*, T*), const std::vector<float>& x, int each = 1) {
  const int count = static_cast<int>(x.size()) / each;
  const Array<float> from(x);
  const Array<T> to(static_cast<size_t>(count));
  for (int at = 0; at < count; at += kMostThreads) {
    Run(kernel, 1, std::min(kMostThreads, count - at), from.data() + at * each, to.data() + at);
  }
  return to.Get();
}

void TestToTf32() {
  const std::vector<float> x = Floats();
  const std::vector<unsigned> got = Map(ToTf32Kernel, x);
  // An mma ignores the other bits.
  for (size_t i = 0; i < x.size(); ++i) Exact("float", i, FloatOf(got[i] & 0xFFFFE000u), ToTf32(x[i]));
}
void TestPackBf16() {
  const std::vector<float> x = Floats();
  const std::vector<unsigned> got = Map(PackBf16Kernel, x, 2);
  for (size_t i = 0; i < x.size(); ++i) {
    Exact("float", i, FloatOf(i % 2 == 0 ? got[i / 2] << 16 : got[i / 2] & 0xFFFF0000u), ToBf16(x[i]));
  }
}
void TestBf16() {
  const std::vector<float> x = Floats(), got = Map(Bf16Kernel, x);
  for (size_t i = 0; i < x.size(); ++i) Exact("float", i, got[i], ToBf16(x[i]));
}

__global__ void Exp2Kernel(const float* x, float* y) { y[threadIdx.x] = ptx::exp2_approx(x[threadIdx.x]); }
// "maximum relative error of 2⁻²² over the full range"; .ftz flushes subnormal operands and results
// to 0.
void TestExp2() {
  std::vector<float> x = {kInfinity, -kInfinity, kNan, 0, -0.0f, -3, 7, 130, -126.5f, -150, 0x1p-130f};
  while (x.size() < kMostThreads) x.push_back(Normal() * 40);
  const std::vector<float> got = Map(Exp2Kernel, x);
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = x[i] < -126 ? 0 : std::exp2(static_cast<double>(x[i]));
    if (exact < 0x1p128 && !std::isnan(exact)) {
      Within("power", i, got[i], exact, 0x1p-22 * exact);
    } else {
      Exact("power", i, got[i], static_cast<float>(exact));
    }
  }
}

enum Operation { kSum, kProduct, kQuotient, kRoot, kFused, kOperations };

__global__ void ArithmeticKernel(const float* x, const float* y, float* z, int n) {
  const int i = static_cast<int>(threadIdx.x);
  z[kSum * n + i] = x[i] + y[i];
  z[kProduct * n + i] = x[i] * y[i];
  z[kQuotient * n + i] = x[i] / y[i];
  z[kRoot * n + i] = sqrtf(x[i]);
  z[kFused * n + i] = fmaf(x[i], y[i], 1.0f);
}
// IEEE 754, including subnormals.
void TestArithmetic() {
  const std::vector<float> all = Floats();
  const std::vector<float> x(all.begin(), all.begin() + kMostThreads), y(all.begin() + kMostThreads, all.end());
  const Array<float> dx(x), dy(y), dz(kOperations * static_cast<size_t>(kMostThreads));
  Run(ArithmeticKernel, 1, kMostThreads, dx.data(), dy.data(), dz.data(), kMostThreads);
  const std::vector<float> got = dz.Get();
  for (size_t i = 0; i < x.size(); ++i) {
    const auto one = [&](const char* what, Operation operation, float expected) {
      Exact(what, i, got[static_cast<size_t>(operation) * kMostThreads + i], expected);
    };
    one("sum", kSum, x[i] + y[i]);
    one("product", kProduct, x[i] * y[i]);
    one("quotient", kQuotient, x[i] / y[i]);
    one("root", kRoot, std::sqrt(x[i]));
    one("fused product", kFused, std::fma(x[i], y[i], 1.0f));
  }
}

__global__ void QuotientKernel(const float* x, float* y) { y[threadIdx.x] = __fdividef(1.0f, x[threadIdx.x]); }
// "maximum error of 2 ulp" for divisors from 2⁻¹²⁶ to 2¹²⁶
void TestFastQuotient() {
  std::vector<float> x;
  while (x.size() < kMostThreads) x.push_back(1 + std::fabs(std::ldexp(Normal(), static_cast<int>(Word() % 80))));
  const std::vector<float> got = Map(QuotientKernel, x);
  for (size_t i = 0; i < x.size(); ++i) Within("quotient", i, got[i], 1.0 / x[i], 2 * 0x1p-23 / x[i]);
}

__global__ void BitsKernel(const float* x, unsigned* y) {
  const unsigned bits = __float_as_uint(x[threadIdx.x]);
  y[threadIdx.x] = static_cast<unsigned>(__popc(bits)) | static_cast<unsigned>(__ffs(static_cast<int>(bits))) << 8 |
                   static_cast<unsigned>(__clz(static_cast<int>(bits))) << 16;
}
void TestBits() {
  const std::vector<float> x = Floats();
  const std::vector<unsigned> got = Map(BitsKernel, x);
  for (size_t i = 0; i < x.size(); ++i) {
    unsigned set = 0, first = 0, last = 0;  // bit positions count from one
    for (unsigned bit = 1; bit <= 32; ++bit) {
      if ((BitsOf(x[i]) >> (bit - 1) & 1) == 0) continue;
      ++set, last = bit;
      if (first == 0) first = bit;
    }
    Exact("number", i, got[i], set | first << 8 | (32 - last) << 16);
  }
}

// ---- Shared memory.

constexpr int kRows = 64, kRowElements = 8;  // 16-bit elements: a row of a matrix for ldmatrix

template <bool kTrans>
__global__ void Ldmatrix(const uint16_t* elements, const int* rows, unsigned* to) {
  __shared__ __align__(16) uint16_t tile[kRows * kRowElements];
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < kRows * kRowElements; i += kLanes) tile[i] = elements[i];
  __syncwarp();
  unsigned d[4];
  if constexpr (kTrans) {
    ptx::ldmatrix_x4_trans(d, tile + rows[lane] * kRowElements);
  } else {
    ptx::ldmatrix_x4(d, tile + rows[lane] * kRowElements);
  }
  for (int i = 0; i < 4; ++i) to[lane * 4 + i] = d[i];
}

// Lanes 8m to 8m + 7 give the addresses of the rows of matrix m. Of each matrix, lane l gets
// elements 2 (l % 4) and 2 (l % 4) + 1 of row l / 4; with .trans, of the transposed matrix. Rows
// may be anywhere, in any order.
template <bool kTrans>
void TestLdmatrix() {
  std::vector<uint16_t> elements(kRows * kRowElements);
  for (uint16_t& element : elements) element = static_cast<uint16_t>(Word());
  std::vector<int> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0);
  std::shuffle(rows.begin(), rows.end(), generator);
  const Array<uint16_t> from(elements);
  const Array<int> where(rows);
  const Array<unsigned> to(kLanes * 4);
  Run(Ldmatrix<kTrans>, 1, kLanes, from.data(), where.data(), to.data());
  const std::vector<unsigned> got = to.Get();
  const auto element = [&](int matrix, int row, int column) -> uint32_t {
    const int at = rows[static_cast<size_t>(matrix * 8 + (kTrans ? column : row))];
    return elements[static_cast<size_t>(at * kRowElements + (kTrans ? row : column))];
  };
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int matrix = 0; matrix < 4; ++matrix) {
      const int row = lane / 4, column = lane % 4 * 2;
      const size_t at = static_cast<size_t>(lane * 4 + matrix);
      Exact("register", at, got[at], element(matrix, row, column) | element(matrix, row, column + 1) << 16);
    }
  }
}

constexpr int kCopyThreads = 128, kGroups = 4;

// Several groups of asynchronous copies, one after another. In each, a thread copies 16 bytes from
// `sources` (in units of 16 bytes), or zeros if the source is negative. `early`: what a neighbour's
// copies have written after a wait for all but kLeft groups. `late`: the same after a wait for all
// groups.
template <int kLeft>
__global__ void CopyAsync(const uint4* from, const int* sources, uint4* early, uint4* late) {
  __shared__ __align__(16) uint4 room[kGroups][kCopyThreads];
  const int thread = static_cast<int>(threadIdx.x), other = (thread + 37) % kCopyThreads;
  for (int group = 0; group < kGroups; ++group) {
    const int source = sources[group * kCopyThreads + thread];
    ptx::cp_async16(&room[group][thread], from + (source < 0 ? 0 : source), source >= 0);
    ptx::cp_async_commit();
  }
  ptx::cp_async_wait<kLeft>();
  __syncthreads();
  for (int group = 0; group < kGroups - kLeft; ++group) early[group * kCopyThreads + thread] = room[group][other];
  ptx::cp_async_wait<0>();
  __syncthreads();
  for (int group = 0; group < kGroups; ++group) late[group * kCopyThreads + thread] = room[group][other];
}

template <int kLeft>
void TestCopyAsync() {
  constexpr size_t kCopies = kGroups * kCopyThreads;
  std::vector<uint4> elements(kCopies);
  for (uint4& element : elements) element = make_uint4(Word(), Word(), Word(), Word());
  std::vector<int> sources(kCopies);
  for (int& source : sources) source = Word() % 5 == 0 ? -1 : static_cast<int>(Word() % kCopies);
  const Array<uint4> from(elements), early(kCopies), late(kCopies);
  const Array<int> where(sources);
  Run(CopyAsync<kLeft>, 1, kCopyThreads, from.data(), where.data(), early.data(), late.data());
  const std::vector<uint4> first = early.Get(), all = late.Get();
  for (size_t i = 0; i < kCopies; ++i) {
    const size_t group = i / kCopyThreads, other = group * kCopyThreads + (i + 37) % kCopyThreads;
    const uint4 expected = sources[other] < 0 ? uint4{} : elements[static_cast<size_t>(sources[other])];
    if (std::memcmp(&all[i], &expected, sizeof(expected)) != 0) Wrong("copy", i, all[i].x, expected.x);
    if (group >= kGroups - kLeft) continue;
    if (std::memcmp(&first[i], &expected, sizeof(expected)) != 0) Wrong("early copy", i, first[i].x, expected.x);
  }
}

// ---- Operations of all threads of a warp or a block.

__global__ void WarpKernel(int* errors) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes, first = static_cast<int>(threadIdx.x) / kLanes;
  const int i = lane * 10 + first;
  int wrong = 0;
  wrong += __shfl_sync(~0u, i, 5) != 50 + first;
  wrong += __shfl_sync(~0u, i, 3, 8) != (lane / 8 * 8 + 3) * 10 + first;
  wrong += __shfl_xor_sync(~0u, i, 1) != (lane ^ 1) * 10 + first;
  wrong += __shfl_xor_sync(~0u, static_cast<float>(i), 16) != static_cast<float>((lane ^ 16) * 10 + first);
  wrong += __shfl_down_sync(~0u, i, 4) != (lane < 28 ? i + 40 : i);
  wrong += __shfl_up_sync(~0u, 1.5 * i, 2) != 1.5 * (lane >= 2 ? i - 20 : i);
  wrong += __shfl_up_sync(~0u, static_cast<long long>(i) << 33, 1) != static_cast<long long>(lane > 0 ? i - 10 : i)
                                                                          << 33;
  wrong += __ballot_sync(~0u, lane % 3 == 0) != 0x49249249u;
  wrong += __any_sync(~0u, lane == 9) != 1;
  wrong += __all_sync(~0u, lane < 31) != 0;
  if (lane < 16) {  // two collectives at the same time
    wrong += __shfl_xor_sync(0x0000FFFFu, i, 15) != (15 - lane) * 10 + first;
  } else {
    wrong += __shfl_xor_sync(0xFFFF0000u, i, 1) != (lane ^ 1) * 10 + first;
  }
  errors[threadIdx.x] = wrong;
}
void TestWarps() {
  constexpr int kThreads = 3 * kLanes;
  const Array<int> errors(kThreads);
  Run(WarpKernel, 1, kThreads, errors.data());
  const std::vector<int> got = errors.Get();
  for (size_t i = 0; i < got.size(); ++i) Exact("errors of thread", i, static_cast<uint32_t>(got[i]), 0u);
}

__global__ void ExchangeKernel(int* to) {
  __shared__ int room[kLanes];
  room[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncwarp();
  to[threadIdx.x] = room[threadIdx.x ^ 1];
}
void TestSyncwarp() {
  const Array<int> to(kLanes);
  Run(ExchangeKernel, 1, kLanes, to.data());
  const std::vector<int> got = to.Get();
  for (size_t i = 0; i < got.size(); ++i) Exact("lane", i, static_cast<uint32_t>(got[i]), static_cast<uint32_t>(i ^ 1));
}

__global__ void AtomicsKernel(int* to) {
  __shared__ int total;
  if (threadIdx.x == 0) total = 0;
  __syncthreads();
  atomicAdd(&total, static_cast<int>(threadIdx.x));
  __syncthreads();
  if (threadIdx.x == 0) atomicAdd(&to[0], total);
  int seen = 0;  // an increment, by compare and swap
  for (int found = atomicCAS(&to[1], seen, seen + 1); found != seen; found = atomicCAS(&to[1], seen, seen + 1)) {
    seen = found;
  }
}
void TestAtomics() {
  const Array<int> to(2);
  Run(AtomicsKernel, 3, 100, to.data());
  const std::vector<int> got = to.Get();
  Exact("sum", 0, static_cast<uint32_t>(got[0]), 3u * 4950);
  Exact("count", 1, static_cast<uint32_t>(got[1]), 300u);
}

// ---- The list of tests.

struct Test {
  const char* name;
  void (*run)();
};
const Test tests[] = {
    {"mma_bf16: layout", [] { TestLayout(kBf16Layout); }},
    {"mma_bf16: sums", [] { TestSums(kBf16Layout, ToBf16); }},
    {"mma_bf16: subnormals", [] { TestSubnormals(kBf16Layout); }},
    {"mma_bf16: not finite", [] { TestNotFinite(kBf16Layout); }},
    {"mma_tf32: layout", [] { TestLayout(kTf32Layout); }},
    {"mma_tf32: sums", [] { TestSums(kTf32Layout, ToTf32); }},
    {"mma_tf32: subnormals", [] { TestSubnormals(kTf32Layout); }},
    {"mma_tf32: not finite", [] { TestNotFinite(kTf32Layout); }},
    {"mma_tf32: the low 13 bits count for nothing", TestLowBits},
    {"to_tf32", TestToTf32},
    {"pack_bf16", TestPackBf16},
    {"f32 to bf16 and back", TestBf16},
    {"exp2_approx", TestExp2},
    {"arithmetic", TestArithmetic},
    {"fast quotients", TestFastQuotient},
    {"bits", TestBits},
    {"ldmatrix_x4", TestLdmatrix<false>},
    {"ldmatrix_x4_trans", TestLdmatrix<true>},
    {"cp_async16, cp_async_commit, cp_async_wait<0>", TestCopyAsync<0>},
    {"cp_async_wait<1>", TestCopyAsync<1>},
    {"cp_async_wait<2>", TestCopyAsync<2>},
    {"shuffles and votes", TestWarps},
    {"__syncwarp", TestSyncwarp},
    {"atomics", TestAtomics},
};

}  // namespace

int main() {
  int failed = 0, all = 0;
#ifdef SIMT_EMULATOR
  for (const auto schedule : {simt::Schedule::kAscending, simt::Schedule::kDescending, simt::Schedule::kShuffle}) {
    simt::SetSchedule(schedule, 7);
#else
  {
#endif
    for (const Test& test : tests) {
      generator.seed(1);
      problem.clear();
      test.run();
      std::printf("%s %s%s%s\n", problem.empty() ? "ok  " : "FAIL", test.name, problem.empty() ? "" : ": ",
                  problem.c_str());
      failed += !problem.empty(), ++all;
    }
  }
  std::printf("%d tests, %d failed\n", all, failed);
  return failed == 0 ? 0 : 1;
}
