// Measures the speed of matrix products on a GPU, next to cuBLAS where it is installed. The shapes
// are those of training steps of stage 09 and of GPT-2, and squares.
//   nano-gemm-bench [quick] [SECONDS]    prints a line of JSON per product; stops after SECONDS
// cuBLAS is opened at run time: the file named by NANO_GPT_CUBLAS, or else what the system's loader
// finds. The two results are compared, which proves that both timed the same product. `quick` uses
// tiny shapes, for testing the benchmark itself.
#include <cuda_bf16.h>
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "cuda/gemm.cuh"

namespace nano::cuda {
namespace {

constexpr int kRounds = 5;
constexpr double kMsPerRound = 20;
constexpr int64_t kCompared = int64_t{1} << 18;  // elements of c that are compared, at most

void Must(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
  std::exit(2);
}

// The few declarations of cuBLAS that are needed, so that the build does not need its headers.
class Cublas {
 public:
  static constexpr int kF32 = 0, kBf16 = 14;                 // cudaDataType
  static constexpr int kComputeF32 = 68, kComputeTf32 = 77;  // cublasComputeType_t
  static constexpr int kAsItIs = 0, kTransposed = 1;         // cublasOperation_t
  static constexpr int kAnyAlgorithm = -1;                   // cublasGemmAlgo_t

  explicit Cublas(cudaStream_t stream) {
    const std::string problem = Open(stream);
    if (!problem.empty()) std::fprintf(stderr, "cuBLAS: %s\n", problem.c_str());
    available_ = problem.empty();
  }

  bool available() const { return available_; }

  // cuBLAS is column-major, so it sees rows of c as columns: it computes cᵀ = bᵀ·aᵀ.
  void Multiply(const Gemm& p, bool transpose_a, bool transpose_b, Precision precision) const {
    const float one = 1, beta = p.accumulate ? 1 : 0;
    const auto type = [](Dtype dtype) { return dtype == Dtype::kBf16 ? kBf16 : kF32; };
    const auto size = [](int64_t n) { return static_cast<int>(n); };
    const int compute = precision == Precision::kTf32 ? kComputeTf32 : kComputeF32;
    const int status =
        gemm_(handle_, transpose_b ? kTransposed : kAsItIs, transpose_a ? kTransposed : kAsItIs, size(p.n), size(p.m),
              size(p.k), &one, p.b.data, type(p.dtype), size(transpose_b ? p.k : p.n), p.a.data, type(p.dtype),
              size(transpose_a ? p.m : p.k), &beta, p.c, type(p.c_dtype), size(p.c_row), compute, kAnyAlgorithm);
    if (status == 0) return;
    std::fprintf(stderr, "cublasGemmEx gives %d\n", status);
    std::exit(2);
  }

 private:
  using Gemm = int (*)(void* handle, int b, int a, int n, int m, int k, const void* alpha, const void* b_data,
                       int b_type, int b_stride, const void* a_data, int a_type, int a_stride, const void* beta,
                       void* c, int c_type, int c_stride, int compute, int algorithm);

  // Why cuBLAS is unavailable; empty if it is available.
  std::string Open(cudaStream_t stream) {
    const char* named = std::getenv("NANO_GPT_CUBLAS");
    for (const char* name : {named, "libcublas.so.13", "libcublas.so.12", "libcublas.so.11"}) {
      if (library_ == nullptr && name != nullptr && *name != '\0') library_ = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    }
    if (library_ == nullptr) return dlerror();
    const auto create = Function<int (*)(void**)>("cublasCreate_v2");
    const auto set_stream = Function<int (*)(void*, cudaStream_t)>("cublasSetStream_v2");
    gemm_ = Function<Gemm>("cublasGemmEx");
    if (create == nullptr || set_stream == nullptr || gemm_ == nullptr) return "functions are missing";
    const int created = create(&handle_);
    if (created != 0) return "cublasCreate gives " + std::to_string(created);
    return set_stream(handle_, stream) == 0 ? "" : "cublasSetStream fails";
  }
  template <class F>
  F Function(const char* name) const {
    return reinterpret_cast<F>(dlsym(library_, name));
  }

  void* library_ = nullptr;
  void* handle_ = nullptr;
  Gemm gemm_ = nullptr;
  bool available_ = false;
};

struct Kind {
  const char* name;
  Dtype dtype;
  Precision precision;
};

// `sum`: a weight gradient, added to the existing values in f32. The other products write the
// operands' dtype.
struct Case {
  std::string name;
  int64_t m, n, k;
  bool transpose_a = false, transpose_b = false, sum = false;
};

// y = x·Wᵀ for W [out, in], dx = dy·W, dW += dyᵀ·x.
void AddLinear(std::vector<Case>& cases, int64_t rows, int64_t in, int64_t out) {
  const std::string name = std::to_string(in) + "x" + std::to_string(out);
  cases.push_back({name + "-forward", rows, out, in, false, true});
  cases.push_back({name + "-input", rows, in, out});
  cases.push_back({name + "-weight", out, in, rows, true, false, true});
}

std::vector<Case> AllCases(bool quick) {
  std::vector<Case> cases;
  if (quick) {
    AddLinear(cases, 96, 40, 72);
    cases.push_back({"square-64", 64, 64, 64});
    return cases;
  }
  for (const int64_t side : {4096, 8192}) cases.push_back({"square-" + std::to_string(side), side, side, side});
  constexpr int64_t kRows = 64 * 256, kEmbed = 384, kVocabulary = 65;
  AddLinear(cases, kRows, kEmbed, kEmbed);
  AddLinear(cases, kRows, kEmbed, 4 * kEmbed);
  AddLinear(cases, kRows, 4 * kEmbed, kEmbed);
  AddLinear(cases, kRows, kEmbed, kVocabulary);
  constexpr int64_t kGpt2Rows = 8 * 1024, kGpt2Embed = 768, kGpt2Vocabulary = 50257;
  AddLinear(cases, kGpt2Rows, kGpt2Embed, kGpt2Embed);
  AddLinear(cases, kGpt2Rows, kGpt2Embed, 4 * kGpt2Embed);
  AddLinear(cases, kGpt2Rows, 4 * kGpt2Embed, kGpt2Embed);
  AddLinear(cases, kGpt2Rows, kGpt2Embed, kGpt2Vocabulary);
  for (const int64_t side : {1024, 2048}) cases.push_back({"square-" + std::to_string(side), side, side, side});
  return cases;
}

class Array {
 public:
  explicit Array(int64_t bytes) {
    Must(cudaMalloc(&data_, static_cast<size_t>(std::max<int64_t>(bytes, 1))), "cudaMalloc");
  }
  ~Array() { cudaFree(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

// Random values: on uniform data a GPU draws less power and runs faster. They repeat with a fixed
// period.
void Fill(const Array& array, int64_t count, Dtype dtype) {
  constexpr int64_t kDistinct = 1'000'003;
  static const std::vector<float> random = [] {
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    std::vector<float> values(kDistinct);
    for (float& value : values) value = normal(generator);
    return values;
  }();
  static const std::vector<__nv_bfloat16> halves = [] {
    std::vector<__nv_bfloat16> values;
    for (const float value : random) values.push_back(__float2bfloat16(value));
    return values;
  }();
  const size_t size = dtype == Dtype::kBf16 ? 2 : 4;
  const void* const from = dtype == Dtype::kBf16 ? static_cast<const void*>(halves.data()) : random.data();
  int64_t filled = std::min(kDistinct, count);
  Must(cudaMemcpy(array.data(), from, static_cast<size_t>(filled) * size, cudaMemcpyHostToDevice),
       "a copy to the device");
  while (filled < count) {  // doubles each time, which keeps the period
    const int64_t more = std::min(filled, count - filled);
    Must(cudaMemcpy(static_cast<char*>(array.data()) + static_cast<size_t>(filled) * size, array.data(),
                    static_cast<size_t>(more) * size, cudaMemcpyDeviceToDevice),
         "a copy on the device");
    filled += more;
  }
  // These copies may return before they finish, and a non-blocking stream does not wait for them.
  Must(cudaDeviceSynchronize(), "copies");
}

std::vector<float> Read(const Array& array, int64_t count, Dtype dtype) {
  std::vector<float> values(static_cast<size_t>(count));
  if (dtype == Dtype::kF32) {
    Must(cudaMemcpy(values.data(), array.data(), values.size() * 4, cudaMemcpyDeviceToHost), "a copy from the device");
    return values;
  }
  std::vector<__nv_bfloat16> halves(values.size());
  Must(cudaMemcpy(halves.data(), array.data(), values.size() * 2, cudaMemcpyDeviceToHost), "a copy from the device");
  for (size_t i = 0; i < values.size(); ++i) values[i] = __bfloat162float(halves[i]);
  return values;
}

// Relative error: √(Σ(x − y)² ÷ Σy²)
double Distance(const std::vector<float>& x, const std::vector<float>& y) {
  double error = 0, size = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += std::pow(static_cast<double>(x[i]) - static_cast<double>(y[i]), 2);
    size += std::pow(static_cast<double>(y[i]), 2);
  }
  return std::sqrt(error / size);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

class Bench {
 public:
  Bench() : control_(sizeof(Control)) {
    Must(cudaStreamCreateWithFlags(&queue_.stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    Must(cudaDeviceGetAttribute(&queue_.multiprocessors, cudaDevAttrMultiProcessorCount, 0), "cudaDeviceGetAttribute");
    Must(
        cudaMemcpy(control_.data(), std::vector<char>(sizeof(Control)).data(), sizeof(Control), cudaMemcpyHostToDevice),
        "a copy to the device");
    Must(cudaDeviceSynchronize(), "a copy to the device");  // the non-blocking stream does not wait for the copy
    Must(cudaEventCreate(&begin_), "cudaEventCreate");
    Must(cudaEventCreate(&end_), "cudaEventCreate");
  }
  cudaStream_t stream() const { return queue_.stream; }

  // False if both computed the product and the results differ.
  bool Time(const Kind& kind, const Case& each, const Cublas& cublas) {
    const Dtype c_dtype = each.sum ? Dtype::kF32 : kind.dtype;
    const int64_t m = each.m, n = each.n, k = each.k, size = kind.dtype == Dtype::kBf16 ? 2 : 4;
    const Array a(m * k * size), b(k * n * size), c(m * n * 4);
    Fill(a, m * k, kind.dtype);
    Fill(b, k * n, kind.dtype);
    Gemm p{};
    p.m = m, p.n = n, p.k = k;
    p.a = each.transpose_a ? Matrix{a.data(), 1, m} : Matrix{a.data(), k, 1};
    p.b = each.transpose_b ? Matrix{b.data(), 1, k} : Matrix{b.data(), n, 1};
    p.c = c.data(), p.c_row = n, p.accumulate = each.sum;
    p.dtype = kind.dtype, p.c_dtype = c_dtype;
    const Array scratch(static_cast<int64_t>(MultiplyScratch(p)));
    Call call{};
    call.control = static_cast<Control*>(control_.data());
    call.queue = &queue_;
    const auto ours = [&] {
      Message message;
      if (Multiply(call, message, p, scratch.data(), kind.precision) == Outcome::kOk) return;
      std::fprintf(stderr, "%s\n", message.text);
      std::exit(2);
    };
    const auto theirs = [&] { cublas.Multiply(p, each.transpose_a, each.transpose_b, kind.precision); };

    double distance = 0;
    if (cublas.available()) {
      const int64_t compared = std::min(kCompared, m * n);
      std::vector<float> results[2];
      for (const bool first : {true, false}) {
        Fill(c, m * n, c_dtype);
        first ? ours() : theirs();
        Must(cudaStreamSynchronize(stream()), "a product");
        results[first ? 0 : 1] = Read(c, compared, c_dtype);
      }
      distance = Distance(results[0], results[1]);
    }
    const int our_count = CountFor(ours), their_count = cublas.available() ? CountFor(theirs) : 0;
    std::vector<double> our_ms, their_ms;
    for (int round = 0; round < kRounds; ++round) {  // alternates the two, because clocks drift
      our_ms.push_back(Ms(ours, our_count));
      if (cublas.available()) their_ms.push_back(Ms(theirs, their_count));
    }
    const double ms = Median(our_ms);
    std::printf(
        "{\"kind\":\"product\",\"precision\":\"%s\",\"name\":\"%s\",\"m\":%lld,\"n\":%lld,\"k\":%lld,\"ms\":%.5g,"
        "\"tflops\":%.4g",
        kind.name, each.name.c_str(), static_cast<long long>(m), static_cast<long long>(n), static_cast<long long>(k),
        ms, 2e-9 * static_cast<double>(m * n * k) / ms);
    if (cublas.available()) {
      const double theirs_ms = Median(their_ms);
      std::printf(",\"cublasMs\":%.5g,\"ofCublas\":%.4g,\"distance\":%.3g", theirs_ms, theirs_ms / ms, distance);
    }
    std::printf("}\n");
    std::fflush(stdout);
    return distance < 0.02;
  }

 private:
  template <class Body>
  double Ms(const Body& body, int count) const {
    Must(cudaEventRecord(begin_, stream()), "cudaEventRecord");
    for (int i = 0; i < count; ++i) body();
    Must(cudaEventRecord(end_, stream()), "cudaEventRecord");
    Must(cudaEventSynchronize(end_), "products");
    float ms = 0;
    Must(cudaEventElapsedTime(&ms, begin_, end_), "cudaEventElapsedTime");
    return static_cast<double>(ms) / count;
  }
  // The number of products that fill a round. The few that it times first also serve as a warm-up.
  template <class Body>
  int CountFor(const Body& body) const {
    Ms(body, 2);
    const double ms = std::max(Ms(body, 3), 1e-3);
    return static_cast<int>(std::clamp(kMsPerRound / ms, 1.0, 1000.0));
  }

  gpu::Queue queue_{};
  Array control_;
  cudaEvent_t begin_{}, end_{};
};

int Main(bool quick, double seconds) {
  const Kind kinds[] = {{"bf16", Dtype::kBf16, Precision::kF32},
                        {"tf32", Dtype::kF32, Precision::kTf32},
                        {"f32", Dtype::kF32, Precision::kF32}};
  Bench bench;
  const Cublas cublas(bench.stream());
  const auto start = std::chrono::steady_clock::now();
  bool good = true;
  for (const Kind& kind : kinds) {
    for (const Case& each : AllCases(quick)) {
      if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > seconds) {
        std::fprintf(stderr, "%s %s and all after it: no time left\n", kind.name, each.name.c_str());
        return good ? 0 : 1;
      }
      good = bench.Time(kind, each, cublas) && good;
    }
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace nano::cuda

int main(int count, char** words) {
  const bool quick = count > 1 && std::strcmp(words[1], "quick") == 0;
  const char* const seconds = count > (quick ? 2 : 1) ? words[quick ? 2 : 1] : "60";
  return nano::cuda::Main(quick, std::strtod(seconds, nullptr));
}
