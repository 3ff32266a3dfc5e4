// Tests the GPU drivers (native/gpu, native/cuda/driver.cu, native/metal/driver.mm) on the emulated
// GPU when calls fail. While the program of a case file is compiled and run, every call to the CUDA
// runtime, or to Metal, fails in turn: first once, then permanently.
//
//   NANO_GPT_CUDA_MODULE=… nano-gpu-test [--healthy | --once] CASE...
//
// A build that emulates Metal does not need the variable. --healthy: no failures. --once: no
// permanent failures, and stops at the first wrong result.
//
// After each failure the test requires:
//   * an error that says what failed;
//   * that the next attempt works, unless the failure is permanent, and gives the same bits as a run
//     without failures;
//   * that closing the session leaves nothing allocated.
//
// On Metal it also checks that long work is split into several command buffers.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/decode.h"
#include "engine/session.h"
#include "engine/shared_pool.h"
#include "run/case_file.h"
#ifdef NANO_TEST_METAL
#include "metal/module.h"

extern "C" long simt_command_buffers();
#endif

namespace nano {
namespace {

// The emulator's functions, found in the module or, for Metal, in this program.
struct Emulator {
  const char* device;
  void (*fail_call)(long number, bool stays);
  long (*calls)();
  const char* (*alive)();
  bool failing = false;  // a call fails during this walk
};
Emulator emulator;

bool FindEmulator() {
  const char* path = std::getenv("NANO_GPT_CUDA_MODULE");
  emulator.device = path == nullptr ? "metal" : "cuda";
  void* module = path == nullptr ? RTLD_DEFAULT : dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr && path != nullptr) return false;
  emulator.fail_call = reinterpret_cast<void (*)(long, bool)>(dlsym(module, "simt_fail_call"));
  emulator.calls = reinterpret_cast<long (*)()>(dlsym(module, "simt_calls"));
  emulator.alive = reinterpret_cast<const char* (*)()>(dlsym(module, "simt_alive"));
  return emulator.fail_call != nullptr && emulator.calls != nullptr && emulator.alive != nullptr;
}

constexpr uint32_t kLarger = 5000;

using Record = std::vector<std::string>;  // the results of a walk, bit for bit

// Builds a Program's bytes by hand (docs/program.md). The count precedes the buffers and the ops.
class Wire {
 public:
  Wire() { put(uint32_t{0x5450474E}), put(uint16_t{1}), put(uint16_t{0}), text("by hand"); }

  template <class T>
  void put(T value) {
    append(&value, sizeof(value));
  }
  void text(std::string_view it) {
    put(static_cast<uint16_t>(it.size()));
    append(it.data(), it.size());
  }
  // An f32 buffer.
  void buffer(std::string_view name, Role role, const std::vector<uint32_t>& shape) {
    text(name), put(uint8_t{0}), put(static_cast<uint8_t>(role)), put(static_cast<uint8_t>(shape.size()));
    for (const uint32_t dim : shape) put(dim);
  }
  void op(std::string_view name, const std::vector<uint32_t>& inputs, const std::vector<uint32_t>& outputs,
          const Attributes& attributes = {}) {
    text(name);
    for (const auto* indices : {&inputs, &outputs}) {
      put(static_cast<uint16_t>(indices->size()));
      for (const uint32_t index : *indices) put(index);
    }
    put(static_cast<uint16_t>(attributes.size()));
    for (const auto& [key, attribute] : attributes) {
      text(key), put(static_cast<uint8_t>(attribute.index()));
      std::visit([&](auto value) { put(value); }, attribute);
    }
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  void append(const void* from, size_t size) {
    const size_t at = bytes_.size();
    bytes_.resize(at + size);
    std::memcpy(bytes_.data() + at, from, size);
  }

  std::vector<std::byte> bytes_;
};

// The life of one session with a case: allocates its tensors, runs its program in every mode and
// records what the tensors hold afterwards. Each attempt that fails is repeated once.
class Walk {
 public:
  Walk(const CaseFile& file, SharedPool& pool, bool may_last) : case_(file), pool_(pool), may_last_(may_last) {}

  // False after a permanent error, or after an error that must not occur (then `problem` says
  // which).
  bool Go() {
    if (!Try("open", [&] { return Open(); })) return false;
    for (const CaseFile::Tensor& tensor : case_.store) {
      if (!Try("allocate", [&] { return session_->Allocate(tensor.name, tensor.spec); })) return false;
    }
    for (const CaseFile::Tensor& tensor : case_.store) {
      if (!Try("read what is new", [&] { return IsZero(tensor.name); })) return false;
    }
    if (!Fill()) return false;
    if (!Try("compile", [&] { return Compile(); })) return false;
    if (!Run("replayed", false, false) || !Run("replayed again", false, false)) return false;
    // A larger program needs a larger arena, which invalidates what was recorded with the old one.
    if (!Try("compile more", [&] { return CompileSums(kLarger, larger_); })) return false;
    if (!Run("in another arena", false, false)) return false;
    if (!Try("many under way", [&] { return RunLarger(false); })) return false;
    if (!Try("one not finite", [&] { return RunLarger(true); })) return false;
    if (!Try("after one not finite", [&] { return RunLarger(false); })) return false;
    if (!Try("compile the largest", [&] { return CompileSums(2 * kLarger, largest_); })) return false;
    if (!Try("in a third arena", [&] { return RunLarger(false); })) return false;
    if (!Try("release", [&] { return session_->Release(largest_); })) return false;
    if (!Try("in a fourth arena", [&] { return RunLarger(false); })) return false;
    if (!emulator.failing && !GivesBack()) return false;
    if (!Try("release", [&] { return session_->Release(larger_); })) return false;
    return Run("checked", true, false) && Run("timed", false, true) && Run("replayed at last", false, false);
  }

  std::string problem;
  int errors = 0;
  long began() const { return began_; }  // calls before the last attempt
  Record record;

 private:
  bool Try(const char* what, const std::function<Status()>& attempt) {
    began_ = emulator.calls();
    const Status first = attempt();
    if (first.ok()) return true;
    ++errors;
    Validate(what, first);
    const Status second = attempt();
    if (second.ok()) return true;
    // A device that cannot be enumerated counts as absent. Metal gives no reason when it has no
    // memory or no kernel.
    const bool unsaid = emulator.device == std::string("metal") &&
                        (second.code() == Code::kOutOfMemory || second.code() == Code::kUnsupported);
    if (may_last_ && (second.code() == Code::kDeviceLost || unsaid)) return false;
    if (may_last_ && !session_ && second.code() == Code::kUnsupported) return false;
    problem = std::string(what) + ": still fails: " + second.message();
    return false;
  }

  void Validate(const char* what, const Status& status) {
    const bool known = status.code() == Code::kDeviceLost || status.code() == Code::kOutOfMemory ||
                       status.code() == Code::kUnsupported;
    const bool says = status.message().find("CUDA") != std::string::npos ||
                      status.message().find("Metal") != std::string::npos ||
                      status.message().find("out of memory on the GPU") != std::string::npos;
    if (!known || !says) {
      problem = std::string(what) + ": a poor error: " + NameOf(status.code()) + ": \"" + status.message() + "\"";
    }
  }

  Status Open() {
    Result<std::unique_ptr<Device>> device = OpenDevice(emulator.device, "", pool_);
    if (!device.ok()) return device.status();
    session_.emplace(std::move(device.value()));
    return Status::Ok();
  }

  Status IsZero(const std::string& name) {
    const Result<Bytes> bytes = session_->Read(name);
    if (!bytes.ok()) return bytes.status();
    for (size_t i = 0; i < bytes.value().size(); ++i) {
      if (bytes.value().data()[i] != std::byte{0}) problem = "a new tensor is not zero";
    }
    return Status::Ok();
  }

  bool Fill() {
    for (const CaseFile::Tensor& tensor : case_.store) {
      const std::vector<std::byte> zeros(tensor.contents.empty() ? tensor.spec.bytes() : 0);
      const std::span<const std::byte> bytes = tensor.contents.empty() ? std::span(zeros) : tensor.contents;
      if (!Try("write", [&] { return session_->Write(tensor.name, bytes); })) return false;
    }
    return true;
  }

  Status Compile() {
    const Result<int> handle = session_->Compile(case_.program);
    if (handle.ok()) handle_ = handle.value();
    return handle.status();
  }

  // t = x + x, u = t + x, y = t + u: two temporaries, larger than those of the cases.
  Status CompileSums(uint32_t size, int& to) {
    Wire wire;
    wire.put(uint32_t{4});
    wire.buffer("x", Role::kInput, {size});
    for (const char* temporary : {"t", "u"}) wire.buffer(temporary, Role::kTemporary, {size});
    wire.buffer("y", Role::kOutput, {size});
    wire.put(uint32_t{3});
    wire.op("add", {0, 0}, {1});
    wire.op("add", {1, 0}, {2});
    wire.op("add", {1, 2}, {3});
    const Result<int> handle = session_->Compile(wire.bytes());
    if (handle.ok()) to = handle.value();
    return handle.status();
  }

  // Runs more executions than may be in flight, each with different inputs. With `with_infinity`,
  // one input is infinite; the run must stop there and keep the results before it.
  Status RunLarger(bool with_infinity) {
    // Neither index is in the first round of a block, nor in its first warp, half warp or quarter.
    constexpr uint32_t kBad[] = {1535, 4990};
    const uint32_t steps = emulator.failing ? 4 : 2 * kMostUnderWay + 3, bad_step = emulator.failing ? 1 : 5;
    std::vector<float> inputs(steps * kLarger);
    for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = static_cast<float>(i % 1000 + i / kLarger);
    for (const uint32_t bad : kBad) {
      if (with_infinity) inputs[bad_step * kLarger + bad] = std::numeric_limits<float>::infinity();
    }
    Schedule schedule;
    schedule.steps = steps;
    schedule.phases.push_back({larger_, 1, std::as_bytes(std::span(inputs))});
    schedule.check_finite = with_infinity;
    Result<RunReport> report = session_->Run(schedule);
    if (!report.ok()) return report.status();
    const std::optional<Failure>& failure = report.value().failure;
    if (failure && failure->code != Code::kNonFinite) return {failure->code, failure->message};
    if (failure.has_value() != with_infinity) problem = "larger: the infinity";
    if (failure && failure->message.find("1535") == std::string::npos) problem = "larger: " + failure->message;
    if (failure && (failure->op != 0 || failure->step != bad_step)) problem = "larger: the infinity is elsewhere";
    const uint64_t completed = with_infinity ? bad_step : steps;
    const Bytes& outputs = report.value().outputs.front();
    if (report.value().completed != completed || outputs.size() != completed * kLarger * sizeof(float)) {
      problem = "larger: " + std::to_string(report.value().completed) + " steps";
      return Status::Ok();
    }
    for (size_t i = 0; i < completed * kLarger; ++i) {
      float got;
      std::memcpy(&got, outputs.data() + i * sizeof(float), sizeof(float));
      if (got != 5 * inputs[i]) problem = "larger: another result";
    }
    return Status::Ok();
  }

  // Compiling and releasing a program must not leak.
  bool GivesBack() {
    std::string alive;
    for (int round = 0; round < 3; ++round) {
      if (!Try("compile the largest again", [&] { return CompileSums(2 * kLarger, largest_); })) return false;
      if (!Try("beside the largest", [&] { return RunLarger(false); })) return false;
      if (!Try("release again", [&] { return session_->Release(largest_); })) return false;
      if (!Try("without the largest", [&] { return RunLarger(false); })) return false;
      if (round == 2 && alive != emulator.alive()) problem = "first " + alive + ", then " + emulator.alive();
      alive = emulator.alive();
    }
    return true;
  }

  // Starts from the same tensor contents every time, so that it can be repeated.
  bool Run(const char* what, bool check_finite, bool timings) {
    const auto attempt = [&]() -> Status {
      for (const CaseFile::Tensor& tensor : case_.store) {
        if (!tensor.contents.empty()) NANO_RETURN_IF_ERROR(session_->Write(tensor.name, tensor.contents));
      }
      Schedule schedule;
      schedule.steps = case_.steps;
      schedule.phases.push_back({handle_, case_.times, case_.inputs});
      schedule.check_finite = check_finite;
      schedule.timings = timings;
      Result<RunReport> report = session_->Run(schedule);
      if (!report.ok()) return report.status();
      if (report.value().failure) return {report.value().failure->code, report.value().failure->message};
      outputs_.assign(reinterpret_cast<const char*>(report.value().outputs.front().data()),
                      report.value().outputs.front().size());
      return Status::Ok();
    };
    if (!Fill() || !Try(what, attempt)) return false;
    record.push_back(outputs_);
    for (const CaseFile::Tensor& tensor : case_.store) {
      const auto read = [&]() -> Status {
        const Result<Bytes> bytes = session_->Read(tensor.name);
        if (bytes.ok()) {
          record.emplace_back(reinterpret_cast<const char*>(bytes.value().data()), bytes.value().size());
        }
        return bytes.status();
      };
      if (!Try("read", read)) return false;
    }
    return true;
  }

  const CaseFile& case_;
  SharedPool& pool_;
  const bool may_last_;
  std::optional<Session> session_;
  int handle_ = 0, larger_ = 0, largest_ = 0;
  long began_ = 0;
  std::string outputs_;
};

// Runs a walk in which call `number` fails. Returns what was wrong, or an empty string.
std::string Fail(const CaseFile& file, SharedPool& pool, long number, bool stays, const Record& expected) {
  std::string problem;
  const std::string before = emulator.alive();
  {
    emulator.fail_call(number, stays);
    emulator.failing = true;
    Walk walk(file, pool, stays);
    const bool done = walk.Go();
    problem = walk.problem;
    if (problem.empty() && done && walk.record != expected) problem = "other results than without the failure";
    if (problem.empty() && stays && number <= walk.began() && done) problem = "a lasting failure went unnoticed";
  }
  if (problem.empty() && before != emulator.alive()) problem = std::string("left over: ") + emulator.alive();
  return problem;
}

// The same in a child process, because nothing works in a process after a permanent failure.
std::string FailForGood(const CaseFile& file, SharedPool& pool, long number, const Record& expected) {
  int ends[2];
  if (pipe(ends) != 0) return "pipe";
  const pid_t child = fork();
  if (child == 0) {
    const std::string problem = Fail(file, pool, number, true, expected);
    const bool written = write(ends[1], problem.data(), problem.size()) == static_cast<ssize_t>(problem.size());
    _exit(written ? 0 : 1);
  }
  close(ends[1]);
  std::string problem;
  char text[512];
  for (ssize_t n; (n = read(ends[0], text, sizeof(text))) > 0;) problem.append(text, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 || !problem.empty() ? problem : "the process ended with " + std::to_string(status);
}

enum class Failures { kNone, kOnce, kAll };

// Every `of`th call, from number `first` on: the share of one of several processes.
struct Share {
  long first = 1, of = 1;
};

bool Test(const std::string& path, Failures failures, Share share, SharedPool& pool) {
  std::ifstream stream(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const Result<CaseFile> file = ReadCase({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()});
  if (!file.ok()) {
    std::printf("FAIL %s: %s\n", path.c_str(), file.status().message().c_str());
    return false;
  }
  Record expected;
  long calls = 0;
  for (const bool failing : {false, true}) {  // with failures the walk is shorter, because it runs many times
    emulator.fail_call(0, false);
    emulator.failing = failing;
    Walk healthy(file.value(), pool, false);
    if (!healthy.Go() || healthy.errors > 0 || !healthy.problem.empty()) {
      std::printf("FAIL %s: without a failure: %s\n", path.c_str(), healthy.problem.c_str());
      return false;
    }
    expected = healthy.record;
    calls = emulator.calls();
  }
  int bad = 0;
  if (*emulator.alive() != '\0') ++bad, std::printf("FAIL left over without a failure: %s\n", emulator.alive());
  for (const bool stays : {false, true}) {
    if (failures == Failures::kNone || (stays && failures == Failures::kOnce)) break;
    for (long number = share.first; number <= calls && (bad == 0 || failures == Failures::kAll); number += share.of) {
      const std::string problem =
          stays ? FailForGood(file.value(), pool, number, expected) : Fail(file.value(), pool, number, false, expected);
      if (problem.empty()) continue;
      if (++bad <= 20) {
        std::printf("FAIL %s: call %ld%s: %s\n", file.value().name.c_str(), number, stays ? ", for good" : "",
                    problem.c_str());
      }
    }
  }
  constexpr const char* kDone[] = {"never", "once", "once and for good"};
  const std::string which = share.of == 1 ? "each" : "one in " + std::to_string(share.of);
  std::printf("%s %s: %ld calls, of which %s failed %s; %d times not as it must\n", bad == 0 ? "ok  " : "FAIL",
              file.value().name.c_str(), calls, which.c_str(), kDone[static_cast<int>(failures)], bad);
  return bad == 0;
}

#ifdef NANO_TEST_METAL
struct Execution {
  long command_buffers;
  double first_op;  // its fraction of the total time, if ops are timed
};

// Runs a Program twice with one input and limits a command buffer to `most_seconds`. Returns the
// measurements of the second run, when all kernels are compiled.
Execution RunTwice(const Wire& wire, size_t inputs, double most_seconds, bool timings, SharedPool& pool) {
  const auto must = [](const Status& status) {
    if (status.ok()) return;
    std::printf("FAIL %s\n", status.message().c_str());
    std::exit(1);
  };
  Result<std::unique_ptr<Device>> device = OpenDevice("metal", "", pool);
  must(device.status());
  Session session(std::move(device.value()));
  const Result<int> handle = session.Compile(wire.bytes());
  must(handle.status());
  const std::vector<float> zeros(inputs);
  Schedule schedule;
  schedule.steps = 1;
  schedule.phases.push_back({handle.value(), 1, std::as_bytes(std::span(zeros))});
  schedule.timings = timings;
  const double usual = std::exchange(metal::most_seconds, most_seconds);
  Execution last{};
  for (int time = 0; time < 2; ++time) {
    const long before = simt_command_buffers();
    const Result<RunReport> report = session.Run(schedule);
    must(report.status());
    last.command_buffers = simt_command_buffers() - before;
    if (timings) last.first_op = report.value().timings.front().front() / report.value().seconds;
  }
  metal::most_seconds = usual;
  return last;
}

// Work is split by its estimated time: from flops for products and attention, from bytes for
// everything else. The limits below are chosen so that the wrong estimate would give another number
// of command buffers.
bool CutsWork(SharedPool& pool) {
  int bad = 0;
  const auto expect = [&](const char* what, bool good, double found) {
    if (!good) ++bad, std::printf("FAIL cutting work: %s: %g\n", what, found);
  };
  const auto buffers = [&](const char* what, const Wire& wire, size_t inputs, double most_seconds, long wanted) {
    const long found = RunTwice(wire, inputs, most_seconds, false, pool).command_buffers;
    expect(what, found == wanted, static_cast<double>(found));
  };
  constexpr double kNoLimit = 1;

  Wire sums;  // 0.9 µs each, plus 0.6 for the copies to and from the GPU
  sums.put(uint32_t{4});
  sums.buffer("x", Role::kInput, {kLarger});
  for (const char* temporary : {"t", "u"}) sums.buffer(temporary, Role::kTemporary, {kLarger});
  sums.buffer("y", Role::kOutput, {kLarger});
  sums.put(uint32_t{3});
  for (uint32_t i = 0; i < 3; ++i) sums.op("add", {i, 0}, {i + 1});
  buffers("sums", sums, kLarger, kNoLimit, 1);
  buffers("sums, 1.8 µs", sums, kLarger, 1.8e-6, 3);
  buffers("sums, 0 µs: each launch alone", sums, kLarger, 0, 6);

  Wire norm;  // 0.6 µs for the norm of two tensors, one of which is a sum
  norm.put(uint32_t{3});
  norm.buffer("x", Role::kInput, {kLarger});
  norm.buffer("t", Role::kTemporary, {kLarger});
  norm.buffer("y", Role::kOutput, {});
  norm.put(uint32_t{2});
  norm.op("add", {0, 0}, {1});
  norm.op("global_norm", {0, 1}, {2});
  buffers("a norm, 1.6 µs", norm, kLarger, 1.6e-6, 2);

  const Attributes as_they_are = {{"transpose_a", false}, {"transpose_b", false}};
  constexpr uint32_t kSide = 384;
  Wire products;  // 44 µs each by flops, 26 by bytes, plus 17 for the copies
  products.put(uint32_t{4});
  products.buffer("x", Role::kInput, {kSide, kSide});
  for (const char* temporary : {"t", "u"}) products.buffer(temporary, Role::kTemporary, {kSide, kSide});
  products.buffer("y", Role::kOutput, {kSide, kSide});
  products.put(uint32_t{3});
  for (uint32_t i = 0; i < 3; ++i) products.op("matmul", {i, 0}, {i + 1}, as_they_are);
  buffers("products", products, size_t{kSide} * kSide, kNoLimit, 1);
  buffers("products, 75 µs", products, size_t{kSide} * kSide, 75e-6, 3);

  constexpr uint32_t kTokens = 512, kChannels = 64;
  Wire attention;  // 13 µs each by flops, 8 by bytes, plus 4 for the copies
  attention.put(uint32_t{5});
  attention.buffer("x", Role::kInput, {1, kTokens, kChannels});
  attention.buffer("t", Role::kTemporary, {1, kTokens, kChannels});
  for (const char* lse : {"a", "b"}) attention.buffer(lse, Role::kTemporary, {1, 1, kTokens});
  attention.buffer("y", Role::kOutput, {1, kTokens, kChannels});
  attention.put(uint32_t{2});
  for (const bool first : {true, false}) {
    const uint32_t from = first ? 0 : 1;
    attention.op("attention", {from, from, from}, first ? std::vector{1u, 2u} : std::vector{4u, 3u},
                 {{"cached", false},
                  {"dropout", 0.0},
                  {"heads", int64_t{1}},
                  {"kv_heads", int64_t{1}},
                  {"scale", 0.125},
                  {"site", int64_t{0}}});
  }
  buffers("attention", attention, kTokens * kChannels, kNoLimit, 1);
  buffers("attention, 24 µs", attention, kTokens * kChannels, 24e-6, 2);

  // A split-K product and the sum of its parts: its time covers both command buffers and is most of
  // the total.
  constexpr uint32_t kRows = 64, kTerms = 4096;
  Wire parts;
  parts.put(uint32_t{2});
  parts.buffer("x", Role::kInput, {kRows, kTerms});
  parts.buffer("y", Role::kOutput, {kRows, kRows});
  parts.put(uint32_t{1});
  parts.op("matmul", {0, 0}, {1}, {{"transpose_a", false}, {"transpose_b", true}});
  const double part = RunTwice(parts, size_t{kRows} * kTerms, 0, true, pool).first_op;
  expect("the time of a product in two command buffers, as a part of the whole", part > 0.3, part);
  std::printf("%s long work is cut up\n", bad == 0 ? "ok  " : "FAIL");
  return bad == 0;
}
#endif

}  // namespace
}  // namespace nano

int main(int count, char** arguments) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  if (count < 2 || !nano::FindEmulator()) {
    std::fprintf(stderr, "usage: NANO_GPT_CUDA_MODULE=(the emulated one) nano-gpu-test CASE...\n");
    return 2;
  }
  nano::SharedPool pool(1);
  bool good = true;
  auto failures = nano::Failures::kAll;
  nano::Share share;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--healthy") {
      failures = nano::Failures::kNone;
    } else if (argument == "--once") {
      failures = nano::Failures::kOnce;
    } else if (argument.starts_with("--share=")) {  // --share=2/3: the second of three
      if (std::sscanf(argument.c_str(), "--share=%ld/%ld", &share.first, &share.of) != 2 || share.first < 1) return 2;
    } else {
      good &= nano::Test(argument, failures, share, pool);
    }
  }
#ifdef NANO_TEST_METAL
  if (share.first == 1) good &= nano::CutsWork(pool);
#endif
  return good ? 0 : 1;
}
