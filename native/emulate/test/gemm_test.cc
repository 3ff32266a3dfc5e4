// Compares matrix products with float64 for every dtype: f32, tf32, bf16 and, on Metal, f16. Covers
// all transpositions, sizes around the edges of tiles and K steps, batches, epilogues and split-K.
// Runs on a real GPU or an emulated one:
//   gemm-test [quick] [NAME...]         prints a line per dtype, and every product out of bounds
//   gemm-test gpt2 [quick] [NAME...]    the same for the products of GPT-2's layers, which take hours
//                                       on an emulated GPU
// `quick` skips the large products; with gpt2 it shrinks them. With names, only products whose name
// begins with one of them run, for example "tf32 63 x 64", and the test stops at the first product
// that is out of bounds.
//
// Bounds for each element, with S = Σ|a||b| + |c| + |bias| and ε = 2⁻²⁴:
//   any      16 · ε · √K · S for K terms, against the product of the operands as the kernel sees them:
//            exact products, sums in f32. Tensor cores may truncate where f32 would round; the factor
//            of 16 allows for that.
//   tf32     both the kernel and the reference first round the operands to 11 bits. Against the
//            unrounded operands, each operand is off by up to 2⁻¹¹ of itself, which adds
//            (2 · 2⁻¹¹ + 2⁻²²) · Σ|a||b|.
//   bf16 c   is rounded to 8 bits once, at the end, which adds 2⁻⁸ of it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#ifdef NANO_EMULATED
extern "C" void simt_set_schedule(const char* name);
#endif
#ifdef NANO_TEST_METAL
#include "metal/gemm.h"
#include "metal/module.h"
#else
#include "cuda/gemm.cuh"
extern "C" const nano::gpu::Module* nano_gpt_cuda_module();
#endif

namespace nano {
namespace {

using gpu::Gemm;
using gpu::Matrix;
using gpu::Message;
using gpu::Outcome;
#ifdef NANO_TEST_METAL
using metal::Multiply;
using metal::MultiplyScratch;
const gpu::Module& device = metal::Module();
constexpr bool kHasF16 = true;
#else
using cuda::Multiply;
using cuda::MultiplyScratch;
const gpu::Module& device = *nano_gpt_cuda_module();
constexpr bool kHasF16 = false;
#endif

constexpr double kEpsilon = 0x1p-24, kTf32 = 0x1p-11, kBf16 = 0x1p-8;
constexpr float kUntouched = 12345;  // fills the gaps between rows of c, which must not change; a bf16 holds 12352
constexpr int kRuns = 3;
constexpr int64_t kBlock = 32;  // of sampled products, one element of each 32 × 32 block is compared

gpu::Queue* queue;

void Must(Outcome outcome, const Message& message) {
  if (outcome == Outcome::kOk) return;
  std::printf("FAILED %s\n", message.text);
  std::exit(2);
}

// Waits until the GPU has finished all work.
void Finish() {
  Message message;
  gpu::Event* event = nullptr;
  Must(device.make_event(queue, false, event, message), message);
  Must(device.mark(queue, event, message), message);
  Must(device.wait(event, message), message);
  device.free_event(event);
}

// An array on the device.
class Array {
 public:
  explicit Array(size_t bytes) : bytes_(bytes) {
    Message message;
    if (bytes_ > 0) Must(device.allocate(queue, bytes, data_, message), message);
    if (bytes_ > 0) Must(device.allocate_host(queue, bytes, host_, message), message);
  }
  explicit Array(const std::vector<char>& from) : Array(from.size()) { Set(from); }
  ~Array() {
    if (bytes_ == 0) return;
    device.free(queue, data_);
    device.free_host(queue, host_);
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  // Where the module has finish(), the host can access the device's memory too.
  void Set(const std::vector<char>& from) {
    Finish();
    std::memcpy(device.finish != nullptr ? data_ : host_, from.data(), bytes_);
    Message message;
    if (device.finish == nullptr) Must(device.upload(queue, data_, host_, bytes_, message), message);
  }
  std::vector<char> Get() const {
    Message message;
    if (device.finish == nullptr) Must(device.download(queue, host_, data_, bytes_, message), message);
    Finish();
    std::vector<char> to(bytes_);
    std::memcpy(to.data(), device.finish != nullptr ? data_ : host_, bytes_);
    return to;
  }
  void* data() const { return data_; }

 private:
  void *data_ = nullptr, *host_ = nullptr;
  size_t bytes_;
};

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

// For finite numbers only.
uint16_t ToBf16(float value) {
  return static_cast<uint16_t>((BitsOf(value) + 0x7FFF + (BitsOf(value) >> 16 & 1)) >> 16);
}
uint16_t ToF16(float value) {
  int exponent;
  std::frexp(value, &exponent);
  const int place = exponent < -13 ? -13 : exponent;  // below this, numbers are subnormal
  const auto mantissa = static_cast<int>(std::nearbyint(std::ldexp(std::fabs(value), 11 - place)));
  return static_cast<uint16_t>((value < 0 ? 0x8000 : 0) + mantissa + (place + 13) * 1024);
}
float FromF16(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const float size = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                   : std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
  return (bits & 0x8000) != 0 ? -size : size;
}

// The storage of a 16-bit dtype.
uint16_t ToHalf(float value, Dtype dtype) { return dtype == Dtype::kBf16 ? ToBf16(value) : ToF16(value); }
float FromHalf(uint16_t bits, Dtype dtype) {
  return dtype == Dtype::kBf16 ? FloatOf(uint32_t{bits} << 16) : FromF16(bits);
}
float Rounded(float value, Dtype dtype) { return dtype == Dtype::kF32 ? value : FromHalf(ToHalf(value, dtype), dtype); }
float RoundedToTf32(float value) { return FloatOf((BitsOf(value) + 0x1000) & 0xFFFFE000u); }  // ties away from zero

std::vector<char> Bytes(const std::vector<float>& values, Dtype dtype) {
  const size_t size = SizeOf(dtype);
  std::vector<char> bytes(values.size() * size);
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t half = size == 2 ? ToHalf(values[i], dtype) : 0;
    std::memcpy(&bytes[i * size], size == 2 ? static_cast<const void*>(&half) : &values[i], size);
  }
  return bytes;
}

std::vector<float> Floats(const std::vector<char>& bytes, Dtype dtype) {
  const size_t size = SizeOf(dtype);
  std::vector<float> values(bytes.size() / size);
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t half = 0;
    std::memcpy(size == 2 ? static_cast<void*>(&half) : &values[i], &bytes[i * size], size);
    if (size == 2) values[i] = FromHalf(half, dtype);
  }
  return values;
}

struct Kind {
  const char* name;
  Dtype dtype, c_dtype;
  Precision precision;
};

struct Case {
  int64_t m, n, k, batch = 1;
  bool share_b = false;
  bool once = false;     // only one transposition; only with a bias and with all epilogues together
  bool sampled = false;  // all elements must be finite, but few are compared: the host would take minutes
};

// Enough for large tiles, with and without split-K, and on CUDA for more K terms than one turn
// takes.
#ifdef NANO_TEST_METAL  // its tiles are smaller, and its emulated matrices are slow
constexpr Case kManyTiles[] = {{33, 66, 37, 33}, {65, 36, 72, 32}, {33, 35, 1100, 32, false, true}};
#else
constexpr Case kManyTiles[] = {{65, 130, 37, 66},
                               {72, 136, 168, 64},
                               {130, 66, 1100, 32, false, true},
                               {9, 12, 1100, 256, false, true},
                               {9, 12, 1024, 256, false, true}};
#endif

struct Options {
  bool transpose_a, transpose_b, accumulate, bias, relu;
  int64_t gap;  // between rows of c
};

// The error of the worst element, as a fraction of its bound.
struct Worst {
  double ratio = 0, ratio_unrounded = 0;
  int products = 0, failed = 0;
};

std::mt19937 generator(1);

std::vector<float> Random(int64_t count, Dtype dtype) {
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = Rounded(normal(generator), dtype);
  return values;
}

// Takes a tenth of the time: uniform in ±√3, which has variance 1. The multiplier is Knuth's for 64
// bits.
std::vector<float> FastRandom(int64_t count, Dtype dtype) {
  std::vector<float> values(static_cast<size_t>(count));
  uint64_t state = generator();
  for (float& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = Rounded(static_cast<float>(static_cast<int32_t>(state >> 32)) * (1.7320508f * 0x1p-31f), dtype);
  }
  return values;
}

void Raise(double& worst, double ratio) {
  if (!(ratio <= worst)) worst = ratio;  // catches a NaN too
}

std::string NameOf(const Kind& kind, const Case& each) {
  char name[160];
  std::snprintf(name, sizeof(name), "%s %lld x %lld x %lld, batch %lld", kind.name, static_cast<long long>(each.m),
                static_cast<long long>(each.n), static_cast<long long>(each.k), static_cast<long long>(each.batch));
  return name;
}

class Bench {
 public:
  Bench() : control_(std::vector<char>(sizeof(gpu::Control), 0)) {}
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void Test(const Kind& kind, const Case& each, const Options& options, Worst& worst) {
    const int64_t m = each.m, n = each.n, k = each.k, batch = each.batch, c_row = n + options.gap;
    const auto random = each.sampled ? FastRandom : Random;
    const std::vector<float> a = random(batch * m * k, kind.dtype);
    const std::vector<float> b = random((each.share_b ? 1 : batch) * k * n, kind.dtype);
    std::vector<float> c = random(batch * m * c_row, kind.c_dtype);
    if (each.sampled && !options.accumulate) c.assign(c.size(), std::numeric_limits<float>::quiet_NaN());
    for (size_t i = 0; options.gap > 0 && i < c.size(); ++i) {
      if (static_cast<int64_t>(i) % c_row >= n) c[i] = kUntouched;
    }
    const std::vector<float> bias = random(n, Dtype::kF32);
    const std::vector<char> before = Bytes(c, kind.c_dtype);
    const Array da(Bytes(a, kind.dtype)), db(Bytes(b, kind.dtype)), dbias(Bytes(bias, Dtype::kF32));
    Array dc(before);
    Gemm p{};
    p.m = m, p.n = n, p.k = k, p.batch = batch;
    p.a = options.transpose_a ? Matrix{da.data(), 1, m, m * k} : Matrix{da.data(), k, 1, m * k};
    p.b = options.transpose_b ? Matrix{db.data(), 1, k} : Matrix{db.data(), n, 1};
    p.b.step = each.share_b ? 0 : k * n;
    p.c = dc.data(), p.c_row = c_row, p.c_step = m * c_row;
    p.accumulate = options.accumulate, p.relu = options.relu;
    p.bias = options.bias ? static_cast<const float*>(dbias.data()) : nullptr;
    p.dtype = kind.dtype, p.c_dtype = kind.c_dtype;
    const Array scratch(MultiplyScratch(p));
    std::vector<char> first;
    bool same = true;
    for (int run = 0; run < (each.sampled ? 2 : kRuns); ++run) {
#ifdef NANO_EMULATED
      constexpr const char* kSchedules[] = {"ascending", "descending", "shuffle:7"};
      simt_set_schedule(kSchedules[run]);
#endif
      dc.Set(before);
      gpu::Call call{};
      call.control = static_cast<gpu::Control*>(control_.data());
      call.queue = queue;
      Message message;
      Must(Multiply(call, message, p, scratch.data(), kind.precision), message);
      std::vector<char> got = dc.Get();
      if (run == 0) {
        first = std::move(got);
      } else {
        same = same && got == first;
      }
    }
    const std::vector<float> got = Floats(first, kind.c_dtype);
    const Compared compared{kind, p, options, a, b, c, bias, got};
    Worst mine;
    each.sampled ? CompareSome(compared, mine) : CompareAll(compared, mine);
    Raise(worst.ratio, mine.ratio);
    Raise(worst.ratio_unrounded, mine.ratio_unrounded);
    ++worst.products;
    if (same && mine.failed == 0 && mine.ratio <= 1 && mine.ratio_unrounded <= 1) return;
    ++worst.failed;
    std::printf("off: %s%s%s%s%s%s, gap %lld: %g, %g of the bounds%s%s\n", NameOf(kind, each).c_str(),
                options.transpose_a ? " ta" : "", options.transpose_b ? " tb" : "",
                options.accumulate ? " accumulate" : "", options.bias ? " bias" : "", options.relu ? " relu" : "",
                static_cast<long long>(options.gap), mine.ratio, mine.ratio_unrounded, same ? "" : ", runs differ",
                mine.failed == 0 ? ""
                : each.sampled   ? ", not all finite"
                                 : ", wrote between rows");
  }

 private:
  struct Compared {
    const Kind& kind;
    const Gemm& p;
    const Options& options;
    const std::vector<float>&a, &b, &c, &bias, &got;
  };

  static void CompareAll(const Compared& it, Worst& worst) {
    const float untouched = Rounded(kUntouched, it.kind.c_dtype);
    for (int64_t z = 0; z < it.p.batch; ++z) {
      for (int64_t i = 0; i < it.p.m; ++i) {
        for (int64_t j = 0; j < it.p.n; ++j) CompareElement(it, z, i, j, worst);
        for (int64_t j = it.p.n; j < it.p.c_row; ++j) {
          worst.failed += it.got[static_cast<size_t>(z * it.p.c_step + i * it.p.c_row + j)] != untouched;
        }
      }
    }
  }

  // Compares one element of each block. In the last blocks it takes an element of the last row or
  // column, so that every tile is covered, whatever size a kernel chooses.
  static void CompareSome(const Compared& it, Worst& worst) {
    for (const float value : it.got) worst.failed += !std::isfinite(value);
    const int64_t rows = (it.p.m + kBlock - 1) / kBlock, columns = (it.p.n + kBlock - 1) / kBlock;
    const auto count = static_cast<int64_t>(std::max(1u, std::thread::hardware_concurrency()));
    std::vector<Worst> found(static_cast<size_t>(count));
    std::vector<std::thread> threads;
    for (int64_t thread = 0; thread < count; ++thread) {
      threads.emplace_back([&, thread] {
        std::mt19937 places(static_cast<uint32_t>(thread));
        const auto place = [&](int64_t block, int64_t blocks, int64_t size) {
          return block == blocks - 1 ? size - 1 : block * kBlock + static_cast<int64_t>(places() % kBlock);
        };
        for (int64_t block = thread; block < rows * columns; block += count) {
          const int64_t i = place(block / columns, rows, it.p.m), j = place(block % columns, columns, it.p.n);
          CompareElement(it, 0, i, j, found[static_cast<size_t>(thread)]);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Worst& each : found) {
      Raise(worst.ratio, each.ratio);
      Raise(worst.ratio_unrounded, each.ratio_unrounded);
    }
  }

  static void CompareElement(const Compared& it, int64_t z, int64_t i, int64_t j, Worst& worst) {
    const auto& [kind, p, options, a, b, c, bias, got] = it;
    const bool rounded = kind.precision == Precision::kTf32, relu = options.relu;
    const auto at = static_cast<size_t>(z * p.c_step + i * p.c_row + j);
    double sum = 0, exact = 0, magnitude = 0;
    for (int64_t t = 0; t < p.k; ++t) {
      const float x = a[static_cast<size_t>(z * p.a.step + i * p.a.row + t * p.a.column)];
      const float y = b[static_cast<size_t>(z * p.b.step + t * p.b.row + j * p.b.column)];
      const double product = static_cast<double>(x) * y;
      exact += product, magnitude += std::fabs(product);
      sum += rounded ? static_cast<double>(RoundedToTf32(x)) * RoundedToTf32(y) : product;
    }
    const double added = options.accumulate ? static_cast<double>(c[at]) : 0;
    const double shifted = options.bias ? static_cast<double>(bias[static_cast<size_t>(j)]) : 0;
    const auto finish = [&](double value) {
      value += added + shifted;
      return relu && value < 0 ? 0 : value;
    };
    double bound =
        16 * kEpsilon * std::sqrt(static_cast<double>(p.k)) * (magnitude + std::fabs(added) + std::fabs(shifted));
    if (kind.c_dtype == Dtype::kBf16) bound += kBf16 * (std::fabs(finish(sum)) + bound);
    const double more = rounded ? (2 * kTf32 + kTf32 * kTf32) * magnitude : 0;
    Raise(worst.ratio, std::fabs(got[at] - finish(sum)) / bound);
    Raise(worst.ratio_unrounded, std::fabs(got[at] - finish(exact)) / (bound + more));
  }

  Array control_;
};

bool Wanted(const std::vector<std::string>& names, const std::string& name) {
  for (const std::string& wanted : names) {
    if (name.compare(0, wanted.size(), wanted) == 0) return true;
  }
  return names.empty();
}

// Ordered by how much training in each format depends on it.
constexpr Kind kKinds[] = {{"bf16 to f32", Dtype::kBf16, Dtype::kF32, Precision::kF32},
                           {"bf16 to bf16", Dtype::kBf16, Dtype::kBf16, Precision::kF32},
                           {"tf32", Dtype::kF32, Dtype::kF32, Precision::kTf32},
                           {"f32", Dtype::kF32, Dtype::kF32, Precision::kF32},
                           {"f16 to f32", Dtype::kF16, Dtype::kF32, Precision::kF32}};

// Calls make(kind, worst) for each kind and prints the results. Returns the exit code.
template <class Make>
int ForKinds(const Make& make) {
  bool failed = false;
  int made = 0;
  for (const Kind& kind : kKinds) {
    if (kind.dtype == Dtype::kF16 && !kHasF16) continue;
    Worst worst;
    make(kind, worst);
    if (worst.products == 0) continue;
    made += worst.products;
    std::printf("%-4s %-13s %d products, at most %.4f of the bound; %.4f for operands as they were\n",
                worst.failed == 0 ? "ok" : "FAIL", kind.name, worst.products, worst.ratio, worst.ratio_unrounded);
    std::fflush(stdout);
    failed = failed || worst.failed > 0;
  }
  return failed || made == 0 ? 1 : 0;
}

int Test(bool quick, const std::vector<std::string>& names) {
  std::vector<Case> cases = {{1, 1, 1},       {1, 40, 64},     {1, 9, 4200},        {3, 33, 65},    {4, 70, 136},
                             {8, 33, 4200},   {5, 17, 9, 3},   {9, 9, 1},           {9, 1, 9},      {16, 16, 16},
                             {17, 15, 31},    {33, 65, 17},    {63, 64, 65},        {64, 64, 64},   {65, 72, 24},
                             {64, 136, 96},   {65, 63, 130},   {72, 128, 264},      {129, 8, 1000}, {72, 72, 1096},
                             {40, 24, 72, 3}, {33, 31, 35, 3}, {24, 72, 8, 5, true}};
  cases.insert(cases.end(), std::begin(kManyTiles), std::end(kManyTiles));
  Bench bench;
  return ForKinds([&](const Kind& kind, Worst& worst) {
    int turn = 0;
    for (const Case& each : cases) {
      const bool wanted = Wanted(names, NameOf(kind, each));
      // Large products do not need every epilogue with every transposition.
      const bool small = each.m * each.n * each.k * each.batch < 300'000;
      for (int transposed = 0; transposed < 4; ++transposed) {
        for (int epilogue = 0; epilogue < 5; ++epilogue) {
          if (!small && (quick || (each.once ? epilogue != 1 && epilogue != 4 : epilogue != turn % 5) ||
                         (each.once && transposed != 2)))
            continue;
          if (!wanted) continue;
          constexpr int64_t kGaps[] = {0, 0, 4, 3};
          bench.Test(kind, each,
                     {(transposed & 1) != 0, (transposed & 2) != 0, epilogue >= 3, epilogue % 2 == 1 || epilogue == 4,
                      epilogue == 2 || epilogue == 4, kGaps[turn % 4]},
                     worst);
          if (worst.failed > 0 && !names.empty()) return;
        }
        ++turn;
      }
    }
  });
}

// The layers of GPT-2 (small) on 1024 tokens: y = x·Wᵀ + bias for W [out, in], dx = dy·W, dW +=
// dyᵀ·x.
int TestGpt2(bool quick, const std::vector<std::string>& names) {
  const int64_t rows = quick ? 40 : 1024, embed = quick ? 24 : 768, vocabulary = quick ? 157 : 50257;
  const struct {
    int64_t in, out;
  } layers[] = {{embed, embed}, {embed, 4 * embed}, {4 * embed, embed}, {embed, vocabulary}};
  Bench bench;
  return ForKinds([&](const Kind& kind, Worst& worst) {
    for (const auto& [in, out] : layers) {
      const auto test = [&](int64_t m, int64_t n, int64_t k, const Options& options) {
        const Case each{m, n, k, 1, false, false, true};
        if (Wanted(names, NameOf(kind, each))) bench.Test(kind, each, options, worst);
      };
      test(rows, out, in, {false, true, false, true, false, 0});
      test(rows, in, out, {false, false, false, false, false, 0});
      // Weight gradients are f32.
      if (kind.c_dtype == Dtype::kF32) test(out, in, rows, {true, false, true, false, false, 0});
      if (worst.failed > 0 && !names.empty()) return;
    }
  });
}

#ifdef NANO_TEST_METAL
// Without this check, Metal would run the kernel with the operand unbound.
bool RefusesMemoryOfOthers() {
  const Array control(std::vector<char>(sizeof(gpu::Control), 0));
  float elsewhere[4] = {};
  const TensorSpec spec{Dtype::kF32, Shape{4}};
  const gpu::Tensor output{elsewhere, &spec};
  gpu::Call call{};
  call.outputs = &output, call.output_count = 1;
  call.control = static_cast<gpu::Control*>(control.data());
  call.queue = queue;
  Message message;
  const Outcome outcome = device.check_finite(call, 0, message);
  const bool good = outcome == Outcome::kUnsupported && std::strstr(message.text, "lies in none of") != nullptr;
  std::printf("%-4s memory of others: %s\n", good ? "ok" : "FAIL", message.text);
  return good;
}
#endif

int Main(bool gpt2, bool quick, const std::vector<std::string>& names) {
  Message message;
  Must(device.open(0, queue, message), message);
  int status = gpt2 ? TestGpt2(quick, names) : Test(quick, names);
#ifdef NANO_TEST_METAL
  if (!RefusesMemoryOfOthers()) status = 1;
#endif
  device.close(queue);
  return status;
}

}  // namespace
}  // namespace nano

int main(int count, char** words) {
  int next = 1;
  const auto given = [&](const char* word) {
    const bool it_is = next < count && std::strcmp(words[next], word) == 0;
    next += it_is ? 1 : 0;
    return it_is;
  };
  const bool gpt2 = given("gpt2"), quick = given("quick");
  return nano::Main(gpt2, quick, std::vector<std::string>(words + next, words + count));
}
