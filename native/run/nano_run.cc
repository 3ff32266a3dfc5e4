// Runs case files without Node: nano-run [--device NAME] [--isa NAME] [--threads N] CASE...
// (docs/case-files.md).
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpu/backend.h"
#include "engine/decode.h"
#include "engine/guard.h"
#include "engine/record.h"
#include "engine/session.h"
#include "engine/shared_pool.h"
#include "run/case_file.h"

namespace nano {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Options {
  std::string device = "cpu";
  std::string instruction_set;
  int threads = DefaultThreads();
  std::vector<std::string> files;
};

// The result of a case. `reason` is empty if it passed.
struct Verdict {
  std::string name;
  double worst_ratio = 0;
  double worst_nmse = 0;
  std::string reason;
  std::string error;  // the error that ended the run, if any

  void Fail(const std::string& why) {
    if (reason.empty()) reason = why;
  }
};

Status Invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }

double FromHalf(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const double fraction = bits & 1023;
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == 31) return fraction == 0 ? sign * kInfinity : std::numeric_limits<double>::quiet_NaN();
  return exponent == 0 ? sign * std::ldexp(fraction, -24) : sign * std::ldexp(fraction + 1024, exponent - 25);
}

template <class T>
T Load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

double ElementAt(Dtype dtype, const std::byte* from) {
  switch (dtype) {
    case Dtype::kF32:
      return Load<float>(from);
    case Dtype::kF64:
      return Load<double>(from);
    case Dtype::kBf16:
      return std::bit_cast<float>(static_cast<uint32_t>(Load<uint16_t>(from)) << 16);
    case Dtype::kF16:
      return FromHalf(Load<uint16_t>(from));
    case Dtype::kI32:
      return Load<int32_t>(from);
    case Dtype::kU16:
      return Load<uint16_t>(from);
    case Dtype::kU32:
      return Load<uint32_t>(from);
    case Dtype::kU8:
      return Load<uint8_t>(from);
  }
  return 0;
}

void AppendElements(std::vector<double>& to, Dtype dtype, std::span<const std::byte> bytes) {
  for (size_t at = 0; at + SizeOf(dtype) <= bytes.size(); at += SizeOf(dtype)) {
    to.push_back(ElementAt(dtype, bytes.data() + at));
  }
}

// The error relative to the bound: at most 1 passes, and identical values give 0.
double Ratio(double got, double expected, double bound) {
  if (got == expected || (std::isnan(got) && std::isnan(expected))) return 0;
  const double error = std::fabs(got - expected);
  if (!std::isfinite(error) || !(bound > 0)) return kInfinity;
  return error / bound;
}

double Nmse(const std::vector<double>& got, const std::vector<double>& expected) {
  double error = 0;
  double size = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    if (!std::isfinite(got[i]) || !std::isfinite(expected[i])) continue;
    error += (got[i] - expected[i]) * (got[i] - expected[i]);
    size += expected[i] * expected[i];
  }
  return error == 0 ? 0 : size == 0 ? kInfinity : error / size;
}

class CaseRun {
 public:
  CaseRun(const CaseFile& file, const Options& options, SharedPool& pool)
      : case_(file), options_(options), pool_(pool) {
    verdict_.name = file.name;
  }

  Verdict Run() {
    const Status status = Execute();
    if (!status.ok()) {
      verdict_.Fail(status.message());
      return verdict_;
    }
    if (RightlyRefused()) return verdict_;
    CompareFailure();
    if (failure_) verdict_.error = failure_->message + ", of buffer \"" + failure_->buffer.value_or("none") + "\"";
    for (const CaseFile::Expectation& expectation : case_.expectations) {
      const Status compared = Compare(expectation);
      if (!compared.ok()) verdict_.Fail(compared.message());
    }
    return verdict_;
  }

 private:
  // Returns an error if the case itself is invalid. A failure of its run is in failure_.
  Status Execute() {
    Result<std::unique_ptr<Device>> device = OpenDevice(options_.device, options_.instruction_set, pool_);
    if (!device.ok()) return device.status();
    session_.emplace(std::move(device.value()));
    for (const CaseFile::Tensor& tensor : case_.store) {
      NANO_RETURN_IF_ERROR(session_->Allocate(tensor.name, tensor.spec));
      if (!tensor.contents.empty()) NANO_RETURN_IF_ERROR(session_->Write(tensor.name, tensor.contents));
    }
    if (Result<Program> program = DecodeProgram(case_.program); program.ok()) program_ = std::move(program.value());
    const Result<int> handle = session_->Compile(case_.program);
    if (!handle.ok()) {
      Refuse(handle.status());
      return Status::Ok();
    }
    Schedule schedule;
    schedule.steps = case_.steps;
    schedule.phases.push_back({handle.value(), case_.times, case_.inputs});
    schedule.check_finite = case_.check_finite;
    Result<RunReport> report = session_->Run(schedule);
    if (!report.ok()) {
      Refuse(report.status());
      return Status::Ok();
    }
    failure_ = std::move(report.value().failure);
    outputs_ = std::move(report.value().outputs.front());
    return Status::Ok();
  }

  void Refuse(const Status& status) {
    Failure& failure = failure_.emplace();
    failure.code = status.code();
    failure.message = status.message();
  }

  // The CPU supports only f32 and must reject other precisions with kUnsupported.
  bool RightlyRefused() const {
    return options_.device == "cpu" && failure_ && failure_->code == Code::kUnsupported &&
           program_.precision != Precision::kF32;
  }

  void CompareFailure() {
    const std::string code = failure_ ? NameOf(failure_->code) : "";
    if (code != case_.code) {
      verdict_.Fail(case_.code.empty() ? "it ended with " + code + ": " + failure_->message
                    : code.empty()     ? "it did not end with " + case_.code
                                       : "it ended with " + code + ", not " + case_.code + ": " + failure_->message);
    } else if (failure_ && case_.op >= 0 && failure_->op != static_cast<size_t>(case_.op)) {
      verdict_.Fail("the op that failed is " + (failure_->op ? std::to_string(*failure_->op) : std::string("none")) +
                    ", not " + std::to_string(case_.op));
    }
  }

  Status Compare(const CaseFile::Expectation& expectation) {
    Result<std::vector<double>> got =
        expectation.of_store ? StoreElements(expectation.name) : OutputElements(expectation.name);
    if (!got.ok()) return got.status();
    const std::string name = "\"" + expectation.name + "\"";
    const std::vector<double>& values = got.value();
    if (values.size() != expectation.expected.size()) {
      return Invalid(name + " has " + std::to_string(values.size()) + " elements, " +
                     std::to_string(expectation.expected.size()) + " are expected");
    }
    for (size_t i = 0; i < values.size(); ++i) {
      const double ratio = Ratio(values[i], expectation.expected[i], expectation.bounds[i]);
      if (ratio > 1) verdict_.Fail(Describe(name, i, values[i], expectation));
      verdict_.worst_ratio = std::max(verdict_.worst_ratio, ratio);
    }
    const double nmse = Nmse(values, expectation.expected);
    verdict_.worst_nmse = std::max(verdict_.worst_nmse, nmse);
    if (expectation.nmse >= 0 && !(nmse <= expectation.nmse)) {
      return Invalid(name + ": its NMSE " + std::to_string(nmse) + " is above " + std::to_string(expectation.nmse));
    }
    return Status::Ok();
  }

  static std::string Describe(const std::string& name, size_t at, double got,
                              const CaseFile::Expectation& expectation) {
    char numbers[160];
    std::snprintf(numbers, sizeof(numbers), " element %zu is %.9g, expected %.9g within %.3g", at, got,
                  expectation.expected[at], expectation.bounds[at]);
    return name + numbers;
  }

  Result<std::vector<double>> StoreElements(const std::string& name) {
    for (const CaseFile::Tensor& tensor : case_.store) {
      if (tensor.name != name) continue;
      Result<Bytes> bytes = session_->Read(name);
      if (!bytes.ok()) return bytes.status();
      std::vector<double> elements;
      AppendElements(elements, tensor.spec.dtype, bytes.value());
      return elements;
    }
    return Invalid("the case has no store tensor \"" + name + "\"");
  }

  Result<std::vector<double>> OutputElements(const std::string& name) {
    const Record record = RecordOf(program_, Role::kOutput);
    for (const Record::Part& part : record.parts) {
      const Buffer& buffer = program_.buffers[part.buffer];
      if (buffer.name != name) continue;
      std::vector<double> elements;
      const std::span<const std::byte> all = outputs_;
      for (size_t at = 0; at < all.size(); at += record.bytes) {
        AppendElements(elements, buffer.spec.dtype, all.subspan(at + part.offset, part.bytes));
      }
      return elements;
    }
    return Invalid("the program has no output \"" + name + "\"");
  }

  const CaseFile& case_;
  const Options& options_;
  SharedPool& pool_;
  std::optional<Session> session_;
  Program program_;
  std::optional<Failure> failure_;
  Bytes outputs_;
  Verdict verdict_;
};

Result<std::vector<std::byte>> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return Invalid("it cannot be opened");
  const std::streamoff size = file.tellg();
  if (size < 0) return Invalid("it cannot be read");
  std::vector<std::byte> bytes(static_cast<size_t>(size));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), size)) return Invalid("it cannot be read");
  return bytes;
}

Result<Verdict> RunFile(const std::string& path, const Options& options, SharedPool& pool) {
  return Guarded([&]() -> Result<Verdict> {
    const Result<std::vector<std::byte>> bytes = ReadFile(path);
    if (!bytes.ok()) return bytes.status();
    const Result<CaseFile> file = ReadCase(bytes.value());
    if (!file.ok()) return file.status();
    Verdict verdict = CaseRun(file.value(), options, pool).Run();
    // Every device must report the same error message and buffer as the CPU.
    if (options.device != "cpu" && !verdict.error.empty() && !cpu::InstructionSets().empty()) {
      Options on_cpu = options;
      on_cpu.device = "cpu";
      const Verdict other = CaseRun(file.value(), on_cpu, pool).Run();
      if (other.error != verdict.error) verdict.Fail(verdict.error + "; on the CPU " + other.error);
    }
    return verdict;
  });
}

// Runs one case and prints the result. Returns whether it passed.
bool RunAndPrint(const std::string& path, const Options& options, SharedPool& pool) {
  Result<Verdict> verdict = RunFile(path, options, pool);
  if (!verdict.ok()) {
    std::printf("FAIL %s: %s\n", path.c_str(), verdict.status().message().c_str());
    return false;
  }
  const Verdict& it = verdict.value();
  std::string_view where = options.device;
  if (where == "cpu") {
    const std::vector<std::string_view> sets = cpu::InstructionSets();
    where = !options.instruction_set.empty() ? options.instruction_set : sets.empty() ? "no kernels" : sets.front();
  }
  std::printf("%s %s [%.*s] ratio %.3g nmse %.3g%s%s\n", it.reason.empty() ? "ok  " : "FAIL", it.name.c_str(),
              static_cast<int>(where.size()), where.data(), it.worst_ratio, it.worst_nmse,
              it.reason.empty() ? "" : ": ", it.reason.c_str());
  return it.reason.empty();
}

std::optional<Options> ParseOptions(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    const bool has_value = argument == "--device" || argument == "--isa" || argument == "--threads";
    if (has_value && i + 1 == count) return std::nullopt;
    if (argument == "--device") {
      options.device = arguments[++i];
    } else if (argument == "--isa") {
      options.instruction_set = arguments[++i];
    } else if (argument == "--threads") {
      const std::string_view text = arguments[++i];
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), options.threads);
      if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
      if (options.threads < 1 || options.threads > kMaxThreads) return std::nullopt;
    } else if (argument.starts_with("--")) {
      return std::nullopt;
    } else {
      options.files.emplace_back(argument);
    }
  }
  return options.files.empty() ? std::nullopt : std::optional(options);
}

int Main(int count, char** arguments) {
  const std::optional<Options> options = ParseOptions(count, arguments);
  if (!options) {
    std::fprintf(stderr, "usage: nano-run [--device NAME] [--isa NAME] [--threads 1..%d] CASE...\n", kMaxThreads);
    return 2;
  }
  SharedPool pool(options->threads);
  size_t failed = 0;
  for (const std::string& path : options->files) failed += RunAndPrint(path, *options, pool) ? 0 : 1;
  if (options->files.size() > 1) std::printf("%zu cases, %zu failed\n", options->files.size(), failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace nano

int main(int count, char** arguments) {
  int code = 1;
  const nano::Status status = nano::Guarded([&] {
    code = nano::Main(count, arguments);
    return nano::Status::Ok();
  });
  if (!status.ok()) std::fprintf(stderr, "nano-run: %s\n", status.message().c_str());
  return code;
}
